/* A CodeMirror stream parser: a token at a time, with what must be known of the tokens before. */
import words from '../../python/patchbay_jupyter/words.json';

const sets = Object.fromEntries(
  Object.entries(words).map(([kind, list]) => [kind, new Set(list)]));

const NUMBER = /^(?:0[xob][\da-f_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:e[+-]?\d+)?)/i;
const NAME = /^[\p{L}_][\p{L}\p{M}\p{N}_]*/u;
const STRING = /^(?:[rfbu]|rf|fr)?("""|'''|"|')/i;

/* Up to the end of the string, or of the line. */
function inString(stream, state) {
  while (!stream.eol()) {
    if (stream.match(state.quote)) {
      state.quote = null;
      return 'string';
    }
    if (stream.next() === '\\')
      stream.next();
  }
  if (state.quote.length === 1)
    state.quote = null;
  return 'string';
}

/* A name by what stands around it: `from=` in a call is a parameter, whatever Python thinks. */
function name(text, stream, state) {
  if (state.depth > 0 && stream.match(/^\s*=(?!=)/, false))
    return 'propertyName';
  if (state.after === '.')
    return 'propertyName';
  if (sets.keywords.has(text))
    return 'keyword';
  if (sets.values.has(text))
    return 'atom';
  if (sets.words.has(text))
    return 'variableName.standard';
  return state.depth === 0 && stream.match(/^\s*=(?!=)/, false) ? 'variableName.definition' : 'variableName';
}

function token(stream, state) {
  if (state.quote)
    return inString(stream, state);
  if (stream.eatSpace())
    return null;
  if (stream.match('#')) {
    stream.skipToEnd();
    return 'comment';
  }
  const opened = stream.match(STRING);
  if (opened) {
    state.quote = opened[1];
    state.after = '';
    return inString(stream, state);
  }
  if (stream.match(NUMBER)) {
    state.after = '';
    return 'number';
  }
  const found = stream.match(NAME);
  if (found) {
    const style = name(found[0], stream, state);
    state.after = '';
    return style;
  }
  const symbol = stream.next();
  state.after = symbol;
  if ('([{'.includes(symbol)) {
    state.depth++;
    return 'bracket';
  }
  if (')]}'.includes(symbol)) {
    state.depth = Math.max(0, state.depth - 1);
    return 'bracket';
  }
  return ',;:.'.includes(symbol) ? 'punctuation' : 'operator';
}

export const mode = {
  name: 'patchbay',
  startState: () => ({ quote: null, depth: 0, after: '' }),
  copyState: state => ({ ...state }),
  token,
  indent: (state, _after, context) => state.depth > 0 ? context.unit : 0,
  languageData: {
    commentTokens: { line: '#' },
    closeBrackets: { brackets: ['(', '[', '{', "'", '"', '"""', "'''"] }
  }
};
