// SPDX-License-Identifier: MIT
// Elements are made of names and texts; nothing that the gateway says becomes markup.
"use strict";

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes))
    element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function draw(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

// A live region that is written anew is read aloud anew.
function setText(element, text) {
  if (element.textContent !== text)
    element.textContent = text;
}

function setAttribute(element, name, value) {
  if (value === null)
    element.removeAttribute(name);
  else if (element.getAttribute(name) !== value)
    element.setAttribute(name, value);
}
