import "./css/app.css"; import htmx from "htmx.org"; void htmx; export {};
