// One block of bytes, as pack in viewer.py makes it: the length of the header, the header, and the blobs that it lists.
function unpacked(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const blob = (name) => {
    const entry = head.blobs[name];
    return entry ? bytes.slice(4 + length + entry[0], 4 + length + entry[0] + entry[1]) : null;
  };
  return { head, blob };
}

// A canvas whose pixel i has the colour(i), [r, g, b, a].
function painted(width, height, colour) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) image.data.set(colour(i), 4 * i);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}
