// A signature drawn with finger, pen or mouse, as strokes of [x, y] in [0, 1].

export class Signature {
  strokes = [];

  constructor(canvas) {
    this.canvas = canvas;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.strokes.push([]);
      this.#add(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!canvas.hasPointerCapture(event.pointerId)) return;
      for (const one of event.getCoalescedEvents?.() ?? [event]) this.#add(one);
    });
  }

  clear() {
    this.strokes = [];
    this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  #add(event) {
    const box = this.canvas.getBoundingClientRect();
    const within = (value) => Math.round(Math.min(Math.max(value, 0), 1) * 1e4) / 1e4;
    const stroke = this.strokes.at(-1);
    const last = stroke.at(-1);
    const point = [within((event.clientX - box.left) / box.width), within((event.clientY - box.top) / box.height)];
    if (last && Math.hypot(point[0] - last[0], point[1] - last[1]) < 0.004) return;
    stroke.push(point);
    const context = this.canvas.getContext("2d");
    context.strokeStyle = getComputedStyle(this.canvas).color;
    context.lineWidth = 9;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    const [x, y] = [point[0] * this.canvas.width, point[1] * this.canvas.height];
    if (last) context.moveTo(last[0] * this.canvas.width, last[1] * this.canvas.height);
    else context.moveTo(x - 0.1, y);
    context.lineTo(x, y);
    context.stroke();
  }
}
