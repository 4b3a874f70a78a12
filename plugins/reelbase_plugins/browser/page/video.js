// The packet index of a video: the packet and the time of each frame, and the packets that a browser can start at.

export class Video {
  /** @param {import("./carrier.js").Carrier} carrier @param {number} row @param {number} tensor position in the list of tensors */
  static async load(carrier, row, tensor) {
    const [head, display, seconds, starts] = await carrier.parts(`index/${row}/${tensor}`);
    return new Video(carrier, `${row}/${tensor}`, JSON.parse(new TextDecoder().decode(head)), {
      display: new Int32Array(display.slice().buffer),
      seconds: new Float64Array(seconds.slice().buffer),
      starts: starts.slice(),
    });
  }

  constructor(carrier, path, head, columns) {
    this.carrier = carrier;
    this.path = path;
    /** @type {number} */ this.frames = head.frames;
    /** @type {number} */ this.packets = head.packets;
    /** @type {number} */ this.width = head.width;
    /** @type {number} */ this.height = head.height;
    this.stream = head.stream;
    /** @type {number} seconds of the whole video */ this.length = head.seconds;
    this.display = columns.display;
    this.seconds = columns.seconds;
    this.starts = columns.starts;
    this.frameOf = new Int32Array(head.packets).fill(-1);
    this.display.forEach((packet, frame) => (this.frameOf[packet] = frame));
  }

  /** Find the last packet, up to this one, that a browser can start at; -1 if there is none. @param {number} packet */
  startFor(packet) {
    for (let n = packet; n >= 0; n--) if (this.starts[n]) return n;
    return -1;
  }
}
