/*
 * Brings an attention view to life: choose a head, rest on a token to see what it looks at, or what
 * looks at it. Everything it needs stands in the page already; without it the picture stays as it
 * is. Runs once for every view on the page that is not set up yet.
 */
(function () {
    "use strict";
    const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const SVG = "http://www.w3.org/2000/svg";
    const STEPS = 32;

    /* heads ";" rows "," three digits a weight, in 262143rds; zeros at a row's end are left out */
    function decode(text, count) {
        return text.split(";").map(function (head) {
            return head.split(",").map(function (row) {
                const weights = new Float32Array(count);
                for (let i = 0; i + 2 < row.length; i += 3)
                    weights[i / 3] = (DIGITS.indexOf(row[i]) * 4096 +
                        DIGITS.indexOf(row[i + 1]) * 64 + DIGITS.indexOf(row[i + 2])) / 262143;
                return weights;
            });
        });
    }

    function element(name, attributes) {
        const made = document.createElementNS(SVG, name);
        Object.keys(attributes).forEach(function (key) {
            made.setAttribute(key, attributes[key]);
        });
        return made;
    }

    function setup(root) {
        const all = function (selector) {
            return Array.from(root.querySelectorAll(selector));
        };
        const chips = all(".pb-token"), thumbnails = all(".pb-head");
        const cells = root.querySelector(".pb-cells"), numbers = all(".pb-numbers text");
        const status = root.querySelector(".pb-status"), picture = root.querySelector("svg");
        const count = chips.length;
        if (!cells || !status || !picture || !count)
            return;
        const heads = decode(root.getAttribute("data-pattern"), count);
        const names = thumbnails.map(function (thumbnail) {
            return thumbnail.getAttribute("data-name");
        });
        const state = {
            head: Number(root.getAttribute("data-head")),
            token: count - 1,
            incoming: false,
            held: -1
        };
        root.setAttribute("data-ready", "");
        picture.setAttribute("role", "group"); /* an image could hold no buttons */

        const frame = element("rect", {
            fill: "none", stroke: "currentColor", "stroke-width": 1.5,
            "vector-effect": "non-scaling-stroke", "shape-rendering": "auto"
        });
        const surface = element("rect", {
            x: 0, y: 0, width: count, height: count, "fill-opacity": 0
        });
        const direction = document.createElement("button");
        direction.type = "button";
        direction.style.cssText = "font:inherit;color:inherit;background:none;cursor:pointer;" +
            "border:1px solid rgba(128,128,128,0.45);border-radius:4px;padding:0 6px;margin:0 4px";
        const before = document.createTextNode(""), after = document.createTextNode("");
        status.replaceChildren(before, direction, after); /* once: moved, it would lose the focus */

        function say(subject, rest) {
            before.data = subject;
            after.data = rest;
            direction.hidden = !rest;
        }

        function weight(query, key) {
            return heads[state.head][query][key];
        }

        function tokenName(index) {
            return chips[index].textContent + " (" + chips[index].getAttribute("data-position") + ")";
        }

        /* The cells of one step of colour are one path, as in the picture drawn without a script. */
        function drawCells() {
            const paths = new Array(STEPS + 1).fill("");
            for (let row = 0; row < count; row++)
                for (let column = 0; column < count; column++) {
                    const step = Math.round(Math.min(1, weight(row, column)) * STEPS);
                    if (step > 0)
                        paths[step] += "M" + column + " " + row + "h1v1h-1z";
                }
            cells.replaceChildren();
            paths.forEach(function (path, step) {
                if (path)
                    cells.appendChild(element("path", {
                        d: path, fill: "#2b74c9", "fill-opacity": step / STEPS
                    }));
            });
            cells.appendChild(frame);
            cells.appendChild(surface);
            numbers.forEach(function (number) {
                const at = Number(number.getAttribute("data-cell"));
                const value = weight(Math.floor(at / count), at % count);
                number.textContent = value.toFixed(2);
                number.setAttribute("fill", value > 0.8 ? "#ffffff" : "currentColor");
            });
        }

        function drawToken() {
            const weights = chips.map(function (_, other) {
                return state.incoming ? weight(other, state.token) : weight(state.token, other);
            });
            chips.forEach(function (chip, index) {
                const value = Math.min(1, weights[index]);
                chip.style.backgroundColor = "rgba(43,116,201," + value.toFixed(2) + ")";
                chip.style.color = value > 0.8 ? "#ffffff" : "";
                chip.style.outline = index === state.token ? "2px solid #d55e00" : "none";
            });
            Object.entries(state.incoming
                ? { x: state.token, y: 0, width: 1, height: count }
                : { x: 0, y: state.token, width: count, height: 1 }
            ).forEach(function (pair) {
                frame.setAttribute(pair[0], pair[1]);
            });
            const strongest = weights.map(function (value, index) {
                return [value, index];
            }).filter(function (pair) {
                return pair[0] >= 0.005;
            }).sort(function (a, b) {
                return b[0] - a[0];
            }).slice(0, 3).map(function (pair) {
                return tokenName(pair[1]) + " " + pair[0].toFixed(2);
            });
            direction.textContent = (state.incoming ? "is looked at by" : "looks at") + " \u21c4";
            direction.title = "Turn round: what the token looks at, or what looks at the token";
            say(names[state.head] + ": " + tokenName(state.token) + " ",
                " " + (strongest.join(", ") || "nothing that reaches 0.01"));
        }

        function drawHeads() {
            thumbnails.forEach(function (thumbnail, index) {
                const chosen = index === state.head;
                const edge = thumbnail.querySelector(".pb-edge");
                edge.setAttribute("stroke-opacity", chosen ? "1" : "0.3");
                edge.setAttribute("stroke-width", chosen ? "2" : "1");
                thumbnail.querySelector("text").setAttribute("font-weight", chosen ? "600" : "400");
            });
        }

        function choose(head) {
            state.head = head;
            drawHeads();
            drawCells();
            drawToken();
        }

        function follow(token) {
            if (state.held >= 0 || token === state.token)
                return;
            state.token = token;
            drawToken();
        }

        function hold(token) {
            const release = state.held === token;
            state.held = -1;
            follow(token);
            state.held = release ? -1 : token;
        }

        /* Enter and space act, arrows walk. JupyterLab takes keys for itself, to move between cells,
           unless the very element that has the focus says that it wants them. */
        function takeKeys(node, index, siblings, action) {
            node.setAttribute("tabindex", "0");
            node.setAttribute("data-lm-suppress-shortcuts", "true");
            node.addEventListener("keydown", function (event) {
                const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
                const acts = event.key === "Enter" || event.key === " ";
                if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || !(acts || step))
                    return;
                event.preventDefault();
                if (acts)
                    action();
                else if (siblings[index + step])
                    siblings[index + step].focus();
            });
        }

        chips.forEach(function (chip, index) {
            chip.style.cursor = "pointer";
            chip.addEventListener("mouseenter", function () { follow(index); });
            chip.addEventListener("focus", function () { follow(index); });
            chip.addEventListener("click", function () { hold(index); });
            takeKeys(chip, index, chips, function () { hold(index); });
        });
        thumbnails.forEach(function (thumbnail, index) {
            thumbnail.style.cursor = "pointer";
            thumbnail.setAttribute("role", "button");
            thumbnail.addEventListener("click", function () { choose(index); });
            takeKeys(thumbnail, index, thumbnails, function () { choose(index); });
        });
        function turn() {
            state.incoming = !state.incoming;
            drawToken();
        }
        direction.addEventListener("click", turn);
        takeKeys(direction, 0, [direction], turn);
        surface.addEventListener("mousemove", function (event) {
            const box = surface.getBoundingClientRect();
            const clamp = function (share) {
                return Math.max(0, Math.min(count - 1, Math.floor(share * count)));
            };
            const row = clamp((event.clientY - box.top) / box.height);
            const column = clamp((event.clientX - box.left) / box.width);
            follow(state.incoming ? column : row);
            say(names[state.head] + ": " + tokenName(row) + " looks at " +
                tokenName(column) + " " + weight(row, column).toFixed(3), "");
        });
        surface.addEventListener("mouseleave", drawToken);
        choose(state.head);
    }

    Array.from(document.querySelectorAll(".pb-attention:not([data-ready])")).forEach(setup);
})();
