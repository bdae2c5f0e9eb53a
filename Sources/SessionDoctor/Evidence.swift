/// How what was seen is shown: without tokens, and without what a terminal would obey.
enum Evidence {
    private static let secretFields: Set<String> = [
        "st-access-token", "st-refresh-token", "front-token", "anti-csrf", "authorization", "cookie",
        "id-refresh-token",
    ]

    /// A text from elsewhere, in one line of a bearable length.
    static func clean(_ text: String, limit: Int = 200) -> String {
        let shown = text.unicodeScalars.prefix(limit).map { scalar in
            scalar.properties.isWhitespace
                ? " " : scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) ? "?" : String(Character(scalar))
        }
        return shown.joined() + (text.unicodeScalars.count > limit ? "..." : "")
    }

    /// A field with its value, or that it is missing.
    static func field(_ name: String, of reply: ProbeReply) -> [String] {
        let values = reply.values(name.lowercased())
        if values.isEmpty { return ["no \(name)"] }
        return values.map { "\(name): \(shown(name.lowercased(), $0))" }
    }

    private static func shown(_ name: String, _ value: String) -> String {
        switch name {
        case "set-cookie": clean(SetCookie(value)?.redacted ?? "<\(value.utf8.count) bytes>", limit: 300)
        case "location": clean(String(value.prefix { $0 != "?" && $0 != "#" }))
        case _ where secretFields.contains(name): value == "remove" ? value : "<\(value.utf8.count) bytes>"
        default: clean(value)
        }
    }
}

extension Observations {
    /// What came of a question, in one line: the status, and some of its fields.
    func seen(_ probe: Probe, _ fields: String...) -> String {
        switch outcomes[probe] {
        case nil: "\(probe.rawValue): not asked"
        case .failure(let failure)?: "\(probe.rawValue): \(Evidence.clean(failure.description))"
        case .reply(let reply)?:
            (["\(probe.rawValue): \(reply.status)"] + fields.flatMap { Evidence.field($0, of: reply) })
                .joined(separator: "; ")
        }
    }
}
