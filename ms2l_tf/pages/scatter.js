// Maps of clips: pointer, finger and arrow keys go from one to the next.
(() => {
  "use strict";
  const REACH = 40; // pixels from the pointer to the clip that it means
  const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  function map(root) {
    const plane = root.querySelector("[role=listbox]");
    const told = root.querySelector("[data-told]");
    const canvas = root.querySelector("canvas");
    const choice = root.querySelector("select");
    const marks = [...plane.querySelectorAll("[role=option]")];
    let chosen = null;

    const shown = () => marks.filter((mark) => !mark.classList.contains("dim"));
    function place(mark) {
      const box = mark.getBoundingClientRect();
      return [box.left + box.width / 2, box.top + box.height / 2];
    }

    function choose(mark) {
      if (!mark || mark === chosen) return;
      chosen?.removeAttribute("aria-selected");
      chosen = mark;
      mark.setAttribute("aria-selected", "true");
      plane.append(mark); // above the others
      plane.setAttribute("aria-activedescendant", mark.id);
      told.textContent = mark.querySelector("title").textContent;
      if (!canvas) return;
      const clip = mark.dataset.clipNumber;
      canvas.classList.toggle("hidden", clip === undefined);
      if (clip === undefined) return;
      canvas.dataset.clip = clip;
      canvas.setAttribute("aria-label", `Skeleton of ${told.textContent}`);
      canvas.dispatchEvent(new Event("clip"));
    }

    // The nearest of some marks to a point of the window, by a cost of the way there.
    function nearest(candidates, [x, y], cost) {
      let best = null;
      let least = Infinity;
      for (const mark of candidates) {
        const [right, down] = place(mark);
        const value = cost(right - x, down - y);
        if (value < least) [best, least] = [mark, value];
      }
      return [best, least];
    }

    function point(event) {
      const [mark, distance] = nearest(shown(), [event.clientX, event.clientY], Math.hypot);
      if (distance <= REACH) choose(mark);
    }
    plane.addEventListener("pointermove", point);
    plane.addEventListener("pointerdown", point);

    // That way, and twice as dear to the side.
    function step([right, down]) {
      const others = shown().filter((mark) => mark !== chosen);
      const [mark] = nearest(others, place(chosen), (x, y) => {
        const ahead = x * right + y * down;
        const aside = Math.abs(x * down - y * right);
        return ahead > 0 ? ahead + 2 * aside : Infinity;
      });
      choose(mark);
    }
    const inOrder = () => shown().sort((a, b) => Number(a.id.split("-")[1]) - Number(b.id.split("-")[1]));
    plane.addEventListener("focus", () => { if (!chosen && plane.matches(":focus-visible")) choose(inOrder()[0]); });
    plane.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (event.key === "Home") choose(inOrder()[0]);
      else if (event.key === "End") choose(inOrder().at(-1));
      else if (STEPS[event.key] && chosen) step(STEPS[event.key]);
      else if (STEPS[event.key]) choose(inOrder()[0]);
      else return;
      event.preventDefault();
    });

    choice.addEventListener("change", () => {
      for (const mark of marks) {
        mark.classList.toggle("dim", choice.value !== "" && mark.dataset.group !== choice.value);
      }
      for (const mark of inOrder()) plane.append(mark); // those that are shown above the others
    });
  }

  document.querySelectorAll(".scatter").forEach(map);
})();
