/** The citizens' pages: what makes them easier. Each of them works without any of this. */
import "./css/app.css";
import "./css/citizen.css";
import "./css/reports.css";
import * as copy from "./citizen/copy.ts";
import * as follow from "./citizen/follow.ts";
import * as form from "./citizen/form.ts";
import * as time from "./time.ts";

for (const island of [time, copy, form, follow]) island.start();
