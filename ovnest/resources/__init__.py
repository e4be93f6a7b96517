"""What the API's things look like: one file each, Structs and field rules, no behaviour.

Each resource has three kinds of Struct. `Network` holds the facts, as the database keeps them;
`CreateNetwork` and `UpdateNetwork` are what a client may send; `NetworkBody` is what it is shown. A
request's plain objects go through one coercion table an attribute (what clients really send: "True",
"42"), then through `msgspec.convert`, which has the last word. `registry.RESOURCES` lists them all.

Source: Neutron API reference, v2.0.
"""
