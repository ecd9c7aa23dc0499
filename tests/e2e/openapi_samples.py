# SPDX-License-Identifier: Apache-2.0
"""Requests made from an OpenAPI document: for each operation a path, and a body that its schema accepts."""
import re

METHODS = ("get", "put", "post", "delete", "patch")


class Operation:
    def __init__(self, path, method, described, document):
        self.path, self.method, self.described, self.document = path, method.upper(), described, document
        self.identity = described["operationId"]
        self.secured = bool(described.get("security"))
        self.has_id = "{" in path
        self.of_platform = path.startswith("/api/platform/")

    def __repr__(self):
        return f"{self.method} {self.path}"

    def path_with(self, identity):
        return re.sub(r"\{[^}]+\}", identity, self.path)

    def body(self):
        """A minimal good body, None when the operation has none."""
        content = self.described.get("requestBody", {}).get("content", {})
        return sample(content["application/json"]["schema"], self.document) if content else None


def operations(document):
    return [Operation(path, method, item[method], document)
            for path, item in document["paths"].items() for method in METHODS if method in item]


def resolve(schema, document):
    while "$ref" in schema:
        node = document
        for key in schema["$ref"].removeprefix("#/").split("/"):
            node = node[key]
        schema = node
    return schema


def sample(schema, document):
    """The smallest value that suits the schema: required members only, the first of several ways."""
    schema = resolve(schema, document)
    for key in ("const", "default", "example"):
        if key in schema:
            return schema[key]
    for key in ("enum", "examples"):
        if key in schema:
            return schema[key][0]
    for key in ("oneOf", "anyOf"):
        if key in schema:
            return sample(schema[key][0], document)
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: sample(schema["properties"][name], document) for name in schema.get("required", [])}
    if kind == "array":
        return [sample(schema["items"], document)] * schema.get("minItems", 0)
    if kind in ("integer", "number"):
        return schema.get("minimum", 0)
    if kind == "boolean":
        return False
    texts = {"email": "sample@example.com", "uuid": "0197c5a0-0000-7000-8000-000000000000",
             "date-time": "2031-01-01T00:00:00Z", "password": "correct horse battery staple"}
    return texts.get(schema.get("format"), "x" * max(schema.get("minLength", 0), 1))
