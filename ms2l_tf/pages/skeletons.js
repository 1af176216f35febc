// Draws the clips that a page holds: tiles that move by themselves, and a viewer with lists.
(() => {
  "use strict";
  const held = JSON.parse(document.getElementById("clips").textContent);
  const GAP = -32768; // a missing coordinate
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const byName = new Intl.Collator("en", { numeric: true }).compare;
  const decoded = new Map();

  function coordinates(clip) {
    if (!decoded.has(clip)) {
      const bytes = Uint8Array.from(atob(clip.data), (letter) => letter.charCodeAt(0));
      const view = new DataView(bytes.buffer);
      decoded.set(clip, Int16Array.from({ length: bytes.length / 2 }, (_, i) => view.getInt16(2 * i, true)));
    }
    return decoded.get(clip);
  }

  // Page positions [x, y] of the joints of one person, null where one is missing.
  function project(clip, layout, frame, person, turn, centre, size) {
    const values = coordinates(clip);
    const count = layout.joints.length;
    const dims = layout.dims;
    const points = [];
    for (let joint = 0; joint < count; joint++) {
      const at = ((frame * clip.persons + person) * count + joint) * dims;
      if (values[at] === GAP) { points.push(null); continue; }
      let x = values[at];
      let y = values[at + 1];
      if (dims === 3) {
        const z = values[at + 2];
        const depth = z * Math.cos(turn.yaw) - x * Math.sin(turn.yaw);
        x = x * Math.cos(turn.yaw) + z * Math.sin(turn.yaw);
        y = y * Math.cos(turn.pitch) - depth * Math.sin(turn.pitch);
      }
      points.push([centre[0] + (x * size) / held.unit, centre[1] - (y * size) / held.unit]);
    }
    return points;
  }

  function line(context, points, links) {
    context.beginPath();
    for (const [from, to] of links) {
      if (points[from] && points[to]) {
        context.moveTo(...points[from]);
        context.lineTo(...points[to]);
      }
    }
    context.stroke();
  }

  function draw(canvas, clip, frame, turn) {
    const ratio = devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const style = getComputedStyle(document.documentElement);
    const layout = held.layouts[clip.layout];
    const small = Math.min(width, height);
    context.lineCap = "round";
    for (let person = 0; person < clip.persons; person++) {
      const points = project(clip, layout, frame, person, turn, [width / 2, height / 2], small * 0.45);
      context.globalAlpha = person ? 0.6 : 1;
      context.strokeStyle = style.getPropertyValue("--edge");
      context.lineWidth = 1;
      line(context, points, layout.edges);
      context.lineWidth = Math.max(2.5, small / 90);
      for (const part of layout.parts) {
        context.strokeStyle = context.fillStyle = style.getPropertyValue(`--${part.name}`);
        line(context, points, part.bones);
        for (const joint of part.joints) {
          if (!points[joint]) continue;
          context.beginPath();
          context.arc(...points[joint], context.lineWidth * 0.75, 0, 2 * Math.PI);
          context.fill();
        }
      }
    }
    context.globalAlpha = 1;
  }

  const frameAt = (clip, seconds) => Math.floor(seconds * clip.rate) % clip.frames;
  const AHEAD = { yaw: 0, pitch: 0 };

  // Calls step(seconds since the last call) while it plays; each of the buttons starts and stops it.
  function clock(buttons, words, step) {
    let playing = false;
    let before = 0;
    function tick(now) {
      if (!playing) return;
      step(Math.min(0.25, (now - before) / 1000));
      before = now;
      requestAnimationFrame(tick);
    }
    function set(wanted) {
      const started = wanted && !playing;
      playing = wanted;
      for (const button of buttons) button.textContent = playing ? words[1] : words[0];
      if (started) requestAnimationFrame((now) => { before = now; tick(now); });
    }
    for (const button of buttons) button.addEventListener("click", () => set(!playing));
    return { set, toggle: () => set(!playing) };
  }

  function tiles(buttons) {
    const all = [...document.querySelectorAll("canvas[data-clip]")];
    const visible = new Set();
    let seconds = 0;
    const paint = (canvas, at) => {
      const clip = held.clips[Number(canvas.dataset.clip)];
      draw(canvas, clip, at === null ? clip.frames >> 1 : frameAt(clip, at), AHEAD);
    };
    const observer = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        visible[entry.isIntersecting ? "add" : "delete"](entry.target);
        if (entry.isIntersecting) paint(entry.target, seconds || null);
      }
    });
    for (const canvas of all) {
      observer.observe(canvas);
      canvas.addEventListener("clip", () => paint(canvas, seconds || null)); // it has another one
    }
    const timer = clock(buttons, ["Play all", "Pause all"], (passed) => {
      seconds += passed;
      visible.forEach((canvas) => paint(canvas, seconds));
    });
    timer.set(!calm.matches);
    return () => visible.forEach((canvas) => paint(canvas, seconds || null));
  }

  function viewer(root) {
    const part = (name) => root.querySelector(`[data-part="${name}"]`);
    const canvas = root.querySelector("canvas");
    const filters = [...root.querySelectorAll("select[data-filter]")];
    const list = part("clip");
    const scrub = part("frame");
    const turn = { ...AHEAD };
    let clip = null;
    let seconds = 0;

    function show() {
      if (!clip) return;
      const frame = frameAt(clip, seconds);
      draw(canvas, clip, frame, turn);
      scrub.value = frame;
      const words = `frame ${frame * clip.stride} of ${clip.total}`;
      scrub.setAttribute("aria-valuetext", words);
      part("place").textContent = words;
    }

    function choose(number) {
      clip = held.clips[number];
      const layout = held.layouts[clip.layout];
      const turns = layout.dims === 3;
      list.value = String(number);
      scrub.max = clip.frames - 1;
      seconds = 0;
      canvas.toggleAttribute("data-turns", turns);
      part("turning").classList.toggle("hidden", !turns);
      part("about").textContent = [clip.name, clip.class, clip.subject && `person ${clip.subject}`,
        layout.name, clip.about].filter(Boolean).join(" · ");
      canvas.setAttribute("aria-label", `Moving skeleton of ${clip.name}, ${clip.class}`);
      show();
    }

    // Choices are told apart by their number, as a name may be empty.
    const valuesOf = (filter) => [...new Set(held.clips.map((one) => one[filter.dataset.filter]))].sort(byName);
    function fits(one, filter) {
      return filter.value === "" || one[filter.dataset.filter] === valuesOf(filter)[filter.value];
    }

    function refill() {
      const numbers = held.clips.map((_, n) => n).filter((n) => filters.every((f) => fits(held.clips[n], f)));
      numbers.sort((a, b) => byName(held.clips[a].name, held.clips[b].name));
      list.replaceChildren(...numbers.map((n) => new Option(held.clips[n].name, n)));
      part("none").classList.toggle("hidden", numbers.length > 0);
      const alike = numbers.find((n) => held.clips[n].name === clip?.name);
      if (numbers.length) choose(alike ?? numbers[0]);
    }

    for (const filter of filters) {
      const values = valuesOf(filter);
      filter.append(...values.map((value, number) => new Option(value || "(unknown)", number)));
      if (filter.dataset.filter !== "class" && values.length < 2) filter.parentElement.classList.add("hidden");
      filter.addEventListener("change", refill);
    }
    list.addEventListener("change", () => choose(Number(list.value)));

    const timer = clock([part("play")], ["Play", "Pause"], (passed) => { seconds += passed; show(); });
    scrub.addEventListener("input", () => {
      timer.set(false);
      seconds = (Number(scrub.value) + 0.5) / clip.rate;
      show();
    });

    function rotate(yaw, pitch) {
      if (!clip || held.layouts[clip.layout].dims !== 3) return;
      turn.yaw += yaw;
      turn.pitch = Math.max(-1.5, Math.min(1.5, turn.pitch + pitch));
      show();
    }
    const ahead = () => { Object.assign(turn, AHEAD); show(); };
    part("left").addEventListener("click", () => rotate(-Math.PI / 12, 0));
    part("right").addEventListener("click", () => rotate(Math.PI / 12, 0));
    part("ahead").addEventListener("click", ahead);
    canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
    canvas.addEventListener("pointermove", (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) rotate(event.movementX / 100, event.movementY / 100);
    });
    const keys = {
      ArrowLeft: () => rotate(-0.1, 0), ArrowRight: () => rotate(0.1, 0),
      ArrowUp: () => rotate(0, -0.1), ArrowDown: () => rotate(0, 0.1),
      Home: ahead, " ": timer.toggle,
    };
    canvas.addEventListener("keydown", (event) => {
      if (!keys[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      keys[event.key]();
    });
    for (const button of document.querySelectorAll("button[data-show]")) {
      button.addEventListener("click", () => {
        const wanted = held.clips[Number(button.dataset.show)];
        for (const filter of filters) {
          const all = filter.querySelector('option[value=""]');
          filter.value = all ? "" : valuesOf(filter).indexOf(wanted[filter.dataset.filter]);
        }
        clip = wanted;
        refill();
        root.scrollIntoView({ behavior: calm.matches ? "auto" : "smooth" });
        canvas.focus({ preventScroll: true });
      });
    }
    refill();
    timer.set(!calm.matches);
    return show;
  }

  const redraws = [...document.querySelectorAll(".viewer")].map(viewer);
  const playAll = [...document.querySelectorAll("[data-play-all]")];
  if (playAll.length) redraws.push(tiles(playAll));
  const redraw = () => redraws.forEach((each) => each());
  addEventListener("resize", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
})();
