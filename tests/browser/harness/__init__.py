"""The browser's real Web NFC, without a phone: only the device behind `NDEFReader` is made up.

Desktop Chromium carries the whole `NDEFReader`; what is missing is Android's NFC service behind it.
`device.js` answers in its place, inside the renderer, before the page's own script runs (README.md here).
"""
