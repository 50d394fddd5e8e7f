/* Makes cells and .pbay files text/x-patchbay, and colours them. Under Python's type its language
 * servers would underline what is right here. */
import { LanguageSupport, StreamLanguage } from '@codemirror/language';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { mode } from './mode.js';

const MIME = 'text/x-patchbay';

export default {
  id: 'patchbay-labextension:language',
  description: 'The language of Patchbay, for editors.',
  autoStart: true,
  requires: [IEditorLanguageRegistry],
  activate: (app, languages) => {
    languages.addLanguage({
      name: 'patchbay',
      displayName: 'Patchbay',
      mime: MIME,
      extensions: ['pbay'],
      support: new LanguageSupport(StreamLanguage.define(mode))
    });
    app.docRegistry.addFileType({
      name: 'patchbay',
      displayName: 'Patchbay File',
      extensions: ['.pbay'],
      mimeTypes: [MIME],
      contentType: 'file',
      fileFormat: 'text'
    });
  }
};
