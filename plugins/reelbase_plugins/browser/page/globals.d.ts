// Constants that assets.py puts in front of widget.js when it joins the page into one module.
declare const STYLE: string;
declare const MARKUP: string;
