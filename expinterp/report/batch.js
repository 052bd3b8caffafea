// Filters the brackets, and turns the pictures of an opened bracket into a slider.
"use strict";

const cards = Array.from(document.querySelectorAll(".bracket"));
const filters = document.getElementById("filters");
const told = document.getElementById("status");

// The text that a search looks through, collected when first needed.
const words = new Map();
const wordsOf = (card) => {
  if (!words.has(card)) {
    const parts = Array.from(card.querySelectorAll("bdi, .remark"), (part) => part.textContent);
    words.set(card, parts.join("\n").toLowerCase());
  }
  return words.get(card);
};

const filter = () => {
  const state = filters.elements.state.value;
  const sought = filters.elements.search.value.trim().toLowerCase();
  let shown = 0;
  for (const card of cards) {
    const fits = state === "all" || card.dataset.state === state;
    card.hidden = !(fits && (!sought || wordsOf(card).includes(sought)));
    shown += card.hidden ? 0 : 1;
  }
  const count = (number) => number.toLocaleString("en");
  told.textContent = `${count(shown)} of ${count(cards.length)} brackets shown`;
};

const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

const chooser = (label, pictures, chosen) => {
  const options = pictures.map((picture, place) => new Option(picture.alt, place));
  const select = make("select", {}, ...options);
  select.selectedIndex = chosen;
  return [select, make("label", {}, label, select)];
};

const maskOf = (picture) => {
  const next = picture.nextElementSibling;
  return next && next.matches(".mask") ? [next] : [];
};

const compare = (place, pictures, moved) => {
  const range = make("input", { type: "range", min: 0, max: 100, value: 50 });
  const [left, leftLabel] = chooser("Left", pictures, 0);
  const [right, rightLabel] = chooser("Right", pictures, pictures.length - 1);
  const sides = ["left", "right"].map((side) => make("span", { className: `side ${side}` }));
  const stage = make("div", { className: "stage" });
  const title = place.closest(".bracket").querySelector("h3").textContent;
  range.setAttribute("aria-label", `Border between the left and the right picture of ${title}`);
  sides.forEach((side) => side.setAttribute("aria-hidden", "true"));
  stage.style.setProperty("--shape", pictures[0].width / pictures[0].height);

  const cut = () => {
    stage.style.setProperty("--cut", `${range.value}%`);
    range.setAttribute("aria-valuetext", `${range.value} % from the left`);
  };
  const choose = () => {
    const [over, under] = [left, right].map((select) => {
      const picture = pictures[select.value];
      return [picture, ...maskOf(picture)].map((layer) => layer.cloneNode());
    });
    over.forEach((layer) => layer.classList.add("over"));
    // All at once: no flash when the choice changes.
    [...over, ...under].forEach((layer) => { layer.decoding = "sync"; });
    sides[0].textContent = over[0].alt.split(":")[0];
    sides[1].textContent = under[0].alt.split(":")[0];
    stage.replaceChildren(...under, ...over, ...sides, range);
  };
  range.addEventListener("input", cut);
  left.addEventListener("change", choose);
  right.addEventListener("change", choose);
  moved.forEach((label) => label.addEventListener("change", (event) => {
    stage.classList.toggle("masked", event.target.checked);
  }));
  cut();
  choose();
  place.replaceChildren(make("div", { className: "choose" }, leftLabel, rightLabel, ...moved), stage);
};

const unfold = (event) => {
  const place = event.target.querySelector(".compare:has(> noscript)");
  if (!place) return;
  const kept = place.firstElementChild.textContent;
  const parsed = new DOMParser().parseFromString(kept, "text/html");
  const pictures = Array.from(parsed.images).filter((picture) => !picture.matches(".mask"));
  const moved = Array.from(parsed.querySelectorAll("label")).slice(0, 1); // one for all masks
  if (pictures.length > 1) compare(place, pictures, moved);
  else place.replaceChildren(...parsed.body.children);
};

if (filters) {
  filters.hidden = false;
  filters.addEventListener("input", filter);
  filters.addEventListener("submit", (event) => event.preventDefault());
}
document.addEventListener("toggle", unfold, true);
