# SPDX-License-Identifier: Apache-2.0
"""What a program tells Prometheus, read strictly."""
import re

from api_client import Api

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')


class Metrics:
    def __init__(self, url, path="/metrics"):
        answer = Api(url).get(path)
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        self.text = answer.body.decode()
        self.types, self.help, self.samples = {}, {}, {}
        family = None
        for line in self.text.splitlines():
            if line.startswith("# HELP "):
                family, text = line[7:].split(" ", 1)
                assert family not in self.help and text
                self.help[family] = text
            elif line.startswith("# TYPE "):
                name, kind = line[7:].split(" ")
                assert name == family and name not in self.types
                self.types[name] = kind
            else:
                name, labels, value = SAMPLE.match(line).groups()
                assert name == family or (self.types[family] == "histogram"
                                          and name in (f"{family}_bucket", f"{family}_sum", f"{family}_count")), line
                key = (name, frozenset(LABEL.findall(labels or "")))
                assert key not in self.samples, line
                self.samples[key] = float(value)

    def __call__(self, name, **labels):
        """The sum over all series that have these labels."""
        wanted = set(labels.items())
        return sum(value for (each, has), value in self.samples.items() if each == name and wanted <= has)

    def label_names(self, family):
        return {label for (name, has) in self.samples if name in (family, f"{family}_bucket") for label, _ in has} - {"le"}
