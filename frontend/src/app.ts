/** Every page: htmx and the light islands. Charts and maps are entries of their own, for pages that have them. */
import "./css/app.css";
import "htmx.org";
import * as dialogs from "./dialogs.ts";
import * as keys from "./keys.ts";
import * as live from "./live.ts";
import * as masking from "./masking.ts";
import * as photo from "./photo.ts";
import * as place from "./place.ts";
import * as push from "./push.ts";
import * as several from "./several.ts";
import * as sparkline from "./sparkline.ts";
import * as stream from "./stream.ts";
import * as templates from "./templates.ts";
import * as theme from "./theme.ts";
import * as time from "./time.ts";
import * as toast from "./toast.ts";

for (const island of [theme, time, dialogs, keys, toast, photo, masking, place, templates, push, several, sparkline, live, stream]) island.start();
