import LosslessJSON

/// An object as a list of names and raw JSON, so that a forger can write what no printer would.
struct RawObject: Sendable {
    var members: [(name: String, json: String)]

    init(_ object: JSONObject) {
        members = object.members.map { ($0.name, $0.value.text) }
    }

    /// The object with one member's JSON replaced, or added at the end.
    func setting(_ name: String, _ json: String) -> RawObject {
        var copy = self
        if let index = members.firstIndex(where: { $0.name == name }) {
            copy.members[index].json = json
        } else {
            copy.members.append((name, json))
        }
        return copy
    }

    /// The object with one more member, even if there is one of that name.
    func adding(_ name: String, _ json: String) -> RawObject {
        var copy = self
        copy.members.append((name, json))
        return copy
    }

    /// The object with one more member before all others.
    func prefixing(_ name: String, _ json: String) -> RawObject {
        var copy = self
        copy.members.insert((name, json), at: 0)
        return copy
    }

    func removing(_ name: String) -> RawObject {
        var copy = self
        copy.members.removeAll { $0.name == name }
        return copy
    }

    var text: String { "{" + members.map { "\"\($0.name)\":\($0.json)" }.joined(separator: ",") + "}" }
}

extension RawObject {
    /// Reads one part of a token.
    init(encoded: String) throws {
        guard let object = try JSONValue(parsing: try WireText.decode(encoded)).object else {
            throw TestSupportError("a part of the valid token is no object")
        }
        self.init(object)
    }
}
