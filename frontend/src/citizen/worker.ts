/** The service worker of the citizens' pages. */
export const WORKER = "/sw.js";
export const SCOPE = "/field_reports/";
