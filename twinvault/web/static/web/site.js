// Says so when the server cannot be reached, instead of leaving a progress bar that stands still.
(function () {
  "use strict";

  function banner() {
    return document.getElementById("connection");
  }

  document.addEventListener("htmx:sendError", function () {
    banner().hidden = false;
  });
  document.addEventListener("htmx:afterRequest", function (event) {
    if (event.detail.successful) {
      banner().hidden = true;
    }
  });
  // a part of the page that is not there any more (removed, or no longer this person's to see) stops asking for itself
  document.addEventListener("htmx:responseError", function (event) {
    if (event.detail.xhr.status === 404 && event.detail.elt.hasAttribute("hx-get")) {
      event.detail.elt.remove();
    }
  });
})();
