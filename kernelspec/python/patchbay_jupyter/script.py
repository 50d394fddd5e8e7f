"""Notebooks as scripts that `patchbay run` runs cell by cell: what `nbconvert --to script` writes."""

from nbconvert.exporters.templateexporter import TemplateExporter
from traitlets import default

TEMPLATE = """\
{%- extends 'null.j2' -%}
{% block input %}
# %%
{{ cell.source }}
{% endblock input %}
{% block markdowncell scoped %}
# %% [markdown]
{{ cell.source | quiet_lines }}
{% endblock markdowncell %}
{% block rawcell scoped %}
# %% [raw]
{{ cell.source | quiet_lines }}
{% endblock rawcell %}
"""


def quiet_lines(text: str) -> str:
    """Every line as a comment, and none that would begin a cell."""
    lines = (f"# {line}".rstrip() for line in text.split("\n"))
    return "\n".join(f"# {line[1:]}" if line.startswith("# %%") else line for line in lines)


class ScriptExporter(TemplateExporter):
    """A cell begins at a line with `# %%`; what is no code is in comments."""

    raw_template = TEMPLATE
    output_mimetype = "text/plain"  # what the template named below makes

    @default("file_extension")
    def _file_extension_default(self):
        return ".pbay"

    @default("template_name")
    def _template_name_default(self):
        return "script"

    def default_filters(self):
        yield from super().default_filters()
        yield "quiet_lines", quiet_lines
