"""Texts that front ends like to change, and a notebook of displays that hold them."""

from __future__ import annotations

import json

import nbformat

STRINGS = (
    "costs $5 and $10", "$x^2$", "$$y_1$$", "a $ b", "$", "$$", "$$$", "\\(z\\)", "\\[w\\]", "\\( alone",
    "\\begin{x}y\\end{x}", "\\begin{equation}a=b\\end{equation}", "\\begin{align}c&=d\\end{align}",
    "\\ref{eq}", "\\eqref{eq:1}", "\\label{eq}", "\\frac{1}{2}", "$\\alpha$ and $\\beta$",
    "\\$5 and \\$6", "`code`", "``two``", "```", "`$a$`", "``$b$", "**bold**", "_italic_", "# heading",
    "- item", "[link](http://example.com)", "![image](http://example.com/a.png)",
    "https://example.com/a?b=c&d=e", "http://example.com", "www.example.com", "ftp://example.com",
    "mailto:a@example.com", "a@example.com", "<https://example.com>", "<script>alert(1)</script>",
    "</script>", "</style>", "<b>bold</b>", "<img src=x onerror=alert(1)>", "&amp; &lt; &#36;x&#36;",
    "<!-- comment -->", "😀 👩‍👩‍👧 🇫🇷", "שלום עולם", "مرحبا $س$", "日本語のテキスト",
    "<|endoftext|>", "%%html {{ jinja }} {% raw %}",
)


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def cells() -> list[str]:
    """One display or several in each cell: every kind, and every place a text can take in one."""
    every = f"texts = [{', '.join(map(quoted, STRINGS))}]"
    prompts = 'prompts = ["It costs $x$ or $$y$$ $", "It is \\\\(worth\\\\) $$z$$ $"]'
    return [
        'load("reviews-4m")', every, prompts,
        "table(text=texts, n=range(len(texts))).head(len(texts))",
        "tokens(texts)",
        "tokens(prompts)",
        "top(texts[:12], k=2)",
        'logits(prompts, [" $", " great"])',
        "[show(bar(x=[t, \"b\"], y=[1, 2], title=t)) for t in texts]",
        "line(x=[1, 2] * len(texts), y=range(2 * len(texts)),\n"
        "     color=[t for t in texts for i in [1, 2]], title=texts[1])",
        "heatmap(logits(texts[:20], [\" $\", \" great\"]), title=texts[2])",
        "heatmap(tensor([1, 2, 3, 4], axes=\"a\", labels=texts[24:28]) *\n"
        "        tensor([1, 2], axes=\"b\", labels=texts[30:32]), title=texts[30])",
        "heatmap(attribute(prompts, \" $\", by=\"head\"), facet=\"prompt\")",
        "attention(prompts[0], layer=4)",
        "lens(prompts[0])",
        'r = attribute(prompts[0], " $")', "r",
        'bar(r, x="layer", color="part", title=texts[1])',
        'patch(into="I love $x$ it", from="I hate $x$ it", at="resid_post", metric=logit(" $"))',
        "loss(prompts)",
        "run(prompts[0]).pattern[layer=4]",
        "names()",
        "[bar(x=[texts[1], \"b\"], y=[1, 2], title=texts[2]), tokens(prompts), table(text=texts[:4])]",
        "{" + ", ".join(f"{quoted(text)}: table(n=[1])" for text in STRINGS[:20]) + "}",
    ]


# What a person may ask to be explained: its Markdown must survive too.
EXPLAINED = ("texts", "prompts", "one", "many", "r", "f")


def notebook() -> nbformat.NotebookNode:
    made = nbformat.v4.new_notebook(metadata={
        "kernelspec": {"name": "patchbay", "display_name": "Patchbay", "language": "patchbay"}})
    made.cells = [nbformat.v4.new_code_cell(source) for source in cells()]
    return made
