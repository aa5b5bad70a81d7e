// Pictures pasted into a text field go where a chosen file goes (composer_media.py): into the uploader with that key.

export default function ({ data, parentElement }) {
  parentElement.uploader = data.uploader;
  if (parentElement.listening) return;
  parentElement.listening = true;
  document.addEventListener("paste", (event) => {
    if (!parentElement.isConnected && !parentElement.host?.isConnected) return;
    const place = document.querySelector(`.st-key-${CSS.escape(data.place)}`);
    const files = [...(event.clipboardData?.files || [])].filter((file) => /^(image|video)\//.test(file.type));
    const input = document.querySelector(`.st-key-${CSS.escape(parentElement.uploader)} input[type=file]`);
    if (!files.length || !input || !place?.contains(event.target)) return;
    event.preventDefault();
    const carried = new DataTransfer();
    for (const file of files) carried.items.add(file);
    input.files = carried.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}
