// The plots: unpack plotly and the figures, and draw each figure when it comes into view.
const PALETTE = ["#CC79A7", "#009E73", "#E69F00", "#56B4E9", "#D55E00", "#8c6bd6", "#7a9a01", "#b5651d"];
const MAX_OVERVIEW = 40000;
const CONFIG = {
  displaylogo: false, displayModeBar: true, responsive: true, modeBarButtons: [["toImage"]], plotlyServerURL: "",
};
const drawings = new Map();

async function unpack(id) {
  const packed = atob(document.getElementById(id).textContent.trim());
  const bytes = Uint8Array.from(packed, (sign) => sign.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

// Give a figure the look of the page, and its trials the texts under the pointer.
function finished(figure, hover) {
  // Parallel coordinates are drawn on white whatever the page asks for.
  const isLight = theme === "light" || figure.data.some((trace) => trace.type === "parcoords");
  const data = themed(figure.data).map((trace) => {
    for (const part of [trace, trace.line, trace.marker]) {
      // The worst trials are close to the background, so that the best ones stand out.
      if (part?.colorscale && !isLight) part.reversescale = !part.reversescale;
    }
    const isOfTrials = Array.isArray(trace.customdata) && typeof trace.customdata[0] === "number";
    if (!isOfTrials || trace.type === "parcoords") return trace;
    const text = trace.customdata.map((index) => hover[index] ?? "");
    return {...trace, text, hoverinfo: "text", ...(trace.type === "bar" ? {textposition: "none"} : {})};
  });
  const colors = themes[isLight ? "light" : "dark"];
  const axis = {gridcolor: colors["@grid"], linecolor: colors["@grid"], zerolinecolor: colors["@muted"], automargin: true, exponentformat: "power"};
  const layout = {
    paper_bgcolor: colors["@paper"], plot_bgcolor: "rgba(0,0,0,0)", hovermode: "closest",
    modebar: {bgcolor: "rgba(0,0,0,0)", color: colors["@muted"], activecolor: colors["@text"]},
    font: {color: colors["@text"], size: 12, family: "system-ui, sans-serif"},
    margin: {l: 60, r: 20, t: 16, b: 50}, showlegend: figure.data.length > 1,
    legend: {orientation: "h", x: 0, y: 1.02, yanchor: "bottom"}, dragmode: "zoom",
    hoverlabel: {align: "left", bgcolor: colors["@faint"], font: {color: colors["@text"]}},
    ...themed(figure.layout),
  };
  for (const name of ["xaxis", "yaxis", ...Object.keys(layout).filter((key) => /^[xy]axis\d+$/.test(key))]) {
    layout[name] = {...axis, ...layout[name]};
  }
  return [data, layout];
}

function draw(place, figure, hover) {
  const [data, layout] = finished(figure, hover);
  const isNew = !drawings.has(place);
  drawings.set(place, figure);
  Plotly.react(place, data, layout, CONFIG);
  if (!isNew) return;
  place.on("plotly_click", ({points}) => {
    const index = points[0]?.customdata;
    if (typeof index === "number") openTrial(index);
  });
}

// The curves of all trials, faded, with the best one and those whose details are open on top.
function curvesFigure({curves, range, beyond}, plots) {
  const indexes = curves.map((_, index) => index).filter((index) => curves[index]);
  const stride = Math.max(2, Math.floor(MAX_OVERVIEW / indexes.length));
  const data = [];
  for (const [status, color] of [["finished", "@finished"], ["stopped early", "@stopped"], ["failed", "@failed"], ["running", "@helps"]]) {
    const group = indexes.filter((index) => table.rows[index].cells[table.status] === status);
    if (!group.length) continue;
    const x = [], y = [], customdata = [];
    for (const index of group) {
      const [steps, values] = curves[index];
      const every = Math.ceil(steps.length / stride);
      for (const [place, step] of steps.entries()) {
        if (place % every && place !== steps.length - 1) continue;
        x.push(step); y.push(values[place]); customdata.push(index);
      }
      x.push(null); y.push(null); customdata.push(index);
    }
    data.push({
      type: "scatter", mode: "lines", name: `${status} (${group.length})`, x: [null], y: [null],
      line: {color, width: 2}, legendgroup: status,
    });
    data.push({
      type: "scatter", legendgroup: status, showlegend: false, mode: group.some((index) => curves[index][0].length === 1) ? "lines+markers" : "lines",
      x, y, customdata, connectgaps: false,
      line: {color, width: indexes.length > 100 ? 0.8 : 1.2}, marker: {color, size: 4},
      opacity: Math.min(0.8, Math.max(0.15, 25 / indexes.length)),
    });
  }
  const chosen = [...openTrials].filter((index) => curves[index] && index !== plots.best);
  for (const [place, index] of chosen.entries()) {
    data.push(curveTrace(curves, index, table.rows[index].name, PALETTE[place % PALETTE.length]));
  }
  if (curves[plots.best]) data.push({...curveTrace(curves, plots.best, "best", "@best"), line: {color: "@best", width: 2.6}});
  const note = ["open trials of the table are coloured", beyond ? `${beyond} leave the axis` : ""];
  return {
    title: `${plots.metric} while training`, note: note.filter(Boolean).join("; "), data,
    layout: {
      xaxis: {title: {text: "training step"}, zeroline: false},
      yaxis: {title: {text: "as reported"}, range, zeroline: false},
    },
  };
}

function curveTrace(curves, index, name, color) {
  const [steps, values] = curves[index];
  return {
    type: "scatter", mode: steps.length > 60 ? "lines" : "lines+markers", name, x: steps, y: values,
    customdata: steps.map(() => index), line: {color, width: 2}, marker: {color, size: 5},
  };
}

// The curve of one trial, for its details.
function curveFigure({curves}, index) {
  const [steps, , count] = curves[index];
  const trace = curveTrace(curves, index, "", "@finished");
  delete trace.customdata;
  const title = count > steps.length ? `step (${steps.length} of ${count} points)` : "step";
  return {
    data: [{...trace, hovertemplate: "step %{x}: %{y}<extra></extra>"}],
    layout: {xaxis: {title: {text: title}, zeroline: false}, yaxis: {zeroline: false}, margin: {l: 50, r: 10, t: 10, b: 40}},
  };
}

function card(figure, control) {
  const plot = element("div", {class: "plot"});
  if (figure.height) plot.style.minHeight = `${figure.height}px`;
  if (figure.minWidth) plot.style.minWidth = `${figure.minWidth}px`;
  const title = element("strong"), note = element("span", {class: "muted"});
  const place = element("figure", {class: figure.wide ? "card full" : "card"},
    element("figcaption", {}, title, note, ...(control ? [control] : [])),
    element("div", {class: "scroll"}, plot));
  const name = ({title: text, note: remark}) => {
    title.textContent = decoded(text);
    note.textContent = decoded(remark ?? "");
  };
  name(figure);
  return {place, plot, name};
}

// Titles are written for plotly, which reads &lt; as the sign itself. Here they become texts.
function decoded(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

// Call a function when the plot comes into view, or the page is printed.
function whenVisible(plot, act) {
  let isDone = false;
  const once = () => { if (!isDone) { isDone = true; act(); } };
  const observer = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting)) { observer.disconnect(); once(); }
  }, {rootMargin: "300px"});
  observer.observe(plot);
  addEventListener("beforeprint", once);
}

function showPlots(plots) {
  const {hover} = plots;
  const cards = [];
  const add = (figure, control) => {
    const made = card(figure, control);
    whenVisible(made.plot, () => draw(made.plot, made.figure?.() ?? figure, hover));
    cards.push(made);
    return made;
  };
  const [first, ...others] = plots.figures;
  if (first) add(first);
  if (plots.curves) {
    const made = add(curvesFigure(plots.curves, plots));
    made.figure = () => curvesFigure(plots.curves, plots);
    selectionListeners.push(() => { if (drawings.has(made.plot)) draw(made.plot, made.figure(), hover); });
    drawCurve = (place) => {
      const index = Number(place.dataset.trial);
      place.hidden = !plots.curves.curves[index];
      if (!place.hidden) draw(place, curveFigure(plots.curves, index), hover);
    };
  }
  if (plots.parameters.length) {
    const choice = element("select", {"aria-label": "Parameter"}, ...plots.parameters.map((figure, index) =>
      element("option", {value: index, text: decoded(figure.choice)})));
    const made = add(plots.parameters[0], plots.parameters.length > 1 ? choice : null);
    made.figure = () => plots.parameters[choice.value];
    choice.addEventListener("change", () => { made.name(made.figure()); draw(made.plot, made.figure(), hover); });
  }
  for (const figure of others) add(figure);
  // The last of an odd number of narrow figures takes a whole row, so that no row has a gap.
  let narrow = 0;
  for (const [index, {place}] of cards.entries()) {
    const isFull = place.classList.contains("full");
    const next = cards[index + 1];
    narrow = isFull ? 0 : narrow + 1;
    if (narrow % 2 && (!next || next.place.classList.contains("full"))) { place.classList.add("full"); narrow = 0; }
  }
  document.getElementById("figures").append(...cards.map(({place}) => place));
  themeListeners.push(() => {
    for (const [place, figure] of drawings) {
      if (place.isConnected) draw(place, figure, hover);
      else drawings.delete(place);
    }
  });
  if (drawCurve) for (const place of document.querySelectorAll(".curve")) drawCurve(place);
}

async function startPlots() {
  const message = document.getElementById("plots-message");
  if (typeof DecompressionStream === "undefined") {
    message.textContent = "This browser is too old to unpack the plots. They need Chrome 80, Firefox 113, Safari 16.4 or newer.";
    message.hidden = false;
    return;
  }
  try {
    const [plots, script] = await Promise.all([unpack("plots-data"), unpack("plotly-script")]);
    document.head.append(element("script", {text: script}));
    showPlots(JSON.parse(plots));
    document.documentElement.dataset.plots = "ready";
  } catch (error) {
    message.textContent = `The plots cannot be shown: ${error}`;
    message.hidden = false;
  }
}

if (document.getElementById("plots-data")) startPlots();
