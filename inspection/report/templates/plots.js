// Draws the page's plots in its own colours, again whenever these change: light, dark, on paper.
(function () {
  "use strict";
  const root = document.documentElement;
  const plots = Array.from(document.querySelectorAll(".plot"));
  const PAPER = 660; // pixels that fit the print area of A4 and Letter
  const colour = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();

  function template() {
    const axis = {
      gridcolor: colour("line"), linecolor: colour("soft"), zerolinecolor: colour("line"), tickcolor: colour("line"),
    };
    const bar = { error_y: { color: colour("ink") }, marker: { pattern: { fgcolor: colour("paper"), fgopacity: 0.6 } } };
    return {
      data: { bar: [bar] },
      layout: {
        colorway: [1, 2, 3, 4].map((number) => colour("curve-" + number)),
        paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
        font: { color: colour("ink"), size: 13, family: getComputedStyle(document.body).fontFamily },
        hoverlabel: { bgcolor: colour("panel"), bordercolor: colour("line"), font: { color: colour("ink") } },
        shapedefaults: { line: { color: colour("soft"), width: 1.5 } },
        annotationdefaults: { font: { color: colour("soft") } },
        xaxis: axis, yaxis: axis,
      },
    };
  }

  function draw() {
    const width = root.classList.contains("printing") ? PAPER : undefined;
    const colours = template();
    for (const plot of plots) {
      const figure = JSON.parse(document.getElementById(plot.dataset.figure).textContent);
      const layout = Object.assign(figure.layout, {
        template: colours, autosize: !width, width: width, height: 320, dragmode: false, barmode: "group",
        margin: { l: 8, r: 12, t: 12, b: 8 }, hovermode: "x unified",
        legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", itemclick: false, itemdoubleclick: false },
      });
      Plotly.react(plot, figure.data, layout, { displayModeBar: false });
    }
  }

  function print(on) {
    if (root.classList.contains("printing") === on) return;
    root.classList.toggle("printing", on);
    for (const person of document.querySelectorAll(".person")) {
      if (on) person.dataset.open = person.open ? "yes" : "";
      person.open = on || person.dataset.open === "yes";
    }
    draw();
  }

  let width = innerWidth; // a phone's address bar changes the height alone
  let waiting = 0;
  function resized() {
    if (innerWidth === width) return;
    width = innerWidth;
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(draw);
  }

  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("resize", resized);
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
})();
