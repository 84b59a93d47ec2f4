// The code editor: CodeMirror 6, whose modules lie in the site where the settings say.

let ready;  // of the modules, for all editors of the page
const dark = () => document.documentElement.dataset.theme === "dark";

// The colours of CodeMirror's light theme that are too pale on white: f-strings, errors.
const INK = {"#e40": "#b83500", "#f00": "#c4001a"};

/** Colours of the code, by CodeMirror's modules: each is legible on the page's ground. */
export function colours({HighlightStyle, defaultHighlightStyle, oneDarkHighlightStyle}, isDark) {
  if (isDark) return oneDarkHighlightStyle;
  return HighlightStyle.define(defaultHighlightStyle.specs.map((spec) => ({...spec, color: INK[spec.color] ?? spec.color})));
}

async function modules(address) {
  const cm = await import(address);
  const python = await cm.languages.find(({name}) => name === "Python").load();
  return {cm, python};
}

/** Load what editors are made of. Returns editor(place, {doc, label, hint, change, run}). */
export async function editors(address) {
  const {cm, python} = await (ready ??= modules(address));
  const {EditorView, EditorState, Compartment, keymap} = cm;
  const looks = new Compartment(), views = new Set(), styles = [colours(cm, false), colours(cm, true)];
  const theme = () => [
    cm.syntaxHighlighting(styles[dark() ? 1 : 0]),
    EditorView.theme({}, {dark: dark()}),
  ];
  new MutationObserver(() => views.forEach((view) => view.dispatch({effects: looks.reconfigure(theme())})))
    .observe(document.documentElement, {attributeFilter: ["data-theme"]});

  return (place, {doc, label, hint, change, run}) => {
    const go = () => (run(), true);
    const view = new EditorView({
      parent: place,
      state: EditorState.create({doc, extensions: [
        // Tab indents, as in a notebook; CodeMirror lets it leave the editor after Escape
        keymap.of([{key: "Shift-Enter", run: go}, {key: "Mod-Enter", run: go}]),
        cm.lineNumbers(), cm.history(), cm.drawSelection(), cm.indentOnInput(), cm.bracketMatching(),
        cm.highlightSpecialChars(), cm.indentUnit.of("    "), EditorState.tabSize.of(4),
        keymap.of([cm.indentWithTab, ...cm.historyKeymap, ...cm.defaultKeymap]),
        python, looks.of(theme()),
        matchMedia("(max-width: 40rem)").matches ? EditorView.lineWrapping : [],
        EditorView.contentAttributes.of({"aria-label": label, "aria-describedby": hint, tabindex: "0",
          spellcheck: "false", autocapitalize: "off", autocorrect: "off"}),
        EditorView.updateListener.of((update) => update.docChanged && change(update.state.doc.toString())),
      ]}),
    });
    views.add(view);
    return {
      get value() { return view.state.doc.toString(); },
      set value(text) {
        if (text !== view.state.doc.toString()) view.dispatch({changes: {from: 0, to: view.state.doc.length, insert: text}});
      },
      focus: () => view.focus(),
      remove: () => (views.delete(view), view.destroy()),
    };
  };
}
