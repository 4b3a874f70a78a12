// What is put in front of widget.js when the page is joined into one module (assets.py).
declare const STYLE: string;
declare const MARKUP: string;
