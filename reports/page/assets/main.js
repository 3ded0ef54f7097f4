// Puts the page together.

import { drawCompare } from "./compare.js";
import { courseFigure } from "./course.js";
import { h, section } from "./dom.js";
import { importanceFigure } from "./importance.js";
import { matrixFigure } from "./matrix.js";
import { drawAbout, drawOverview } from "./overview.js";
import { parallelFigure } from "./parallel.js";
import { drawTable } from "./table.js";
import { drawTrial } from "./trial.js";

drawOverview();
drawTable();
drawTrial();
drawCompare();
const figures = [courseFigure(), importanceFigure(), matrixFigure(), parallelFigure()].filter(Boolean);
section("search", "The search", h("div", { class: "figures" }, figures));
drawAbout();
document.documentElement.dataset.ready = "true"; // for whoever waits for the page
