import LosslessJSON

/// What changed in which version of the core driver interface, for people and for tools.
public enum VersionHistory {
    private static let nothing = "Nothing for sessions."

    /// The table for a terminal, at most `width` columns wide.
    public static func text(width: Int = 100) -> String {
        let indent = 8
        var lines = ["CDI     What changed (+ new, - gone), and why"]
        for (version, changes) in grouped() {
            var rest = changes.flatMap { change in
                change.what.flatMap { wrapped("\(sign(change)) \($0)", width - indent, hanging: 2) }
                    + wrapped("    \(change.why)", width - indent, hanging: 4)
            }
            if rest.isEmpty { rest = [nothing] }
            lines.append(padded(version, indent) + rest[0])
            lines += rest.dropFirst().map { padded("", indent) + $0 }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The same as a page of Markdown.
    public static var markdown: String {
        var lines = [
            "# Versions of the core driver interface", "",
            "Made by `tessera versions --markdown` from the catalogue; a test fails when this page and the catalogue differ.",
            "A version is what its predecessor is, with these changes (**+** new, **-** gone).", "",
            "| CDI | What | Why |", "|---|---|---|",
        ]
        for (version, changes) in grouped() {
            if changes.isEmpty { lines.append("| \(version) | | \(nothing) |") }
            for change in changes {
                let what = change.what.map { "**\(sign(change))** \($0)" }.joined(separator: "<br>")
                lines.append("| \(version) | \(what) | \(change.why) |")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The same as a JSON array of objects with `version`, `change`, `what` and `why`.
    public static var json: String {
        let changes = Catalogue.changes().map { change in
            JSONValue.object([
                "version": .string(change.version.description), "change": .string(change.kind.rawValue),
                "what": .array(change.what.map { .string($0) }), "why": .string(change.why),
            ])
        }
        return JSONValue.array(changes).text + "\n"
    }

    private static func grouped() -> [(version: String, changes: [Catalogue.Change])] {
        let changes = Catalogue.changes()
        return Catalogue.supported.dropFirst().map { version in
            (version.description, changes.filter { $0.version == version })
        }
    }

    private static func sign(_ change: Catalogue.Change) -> String { change.kind == .added ? "+" : "-" }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// Breaks a line at its spaces; the lines after the first are indented.
    static func wrapped(_ text: String, _ width: Int, hanging: Int) -> [String] {
        let indent = String(repeating: " ", count: text.prefix { $0 == " " }.count)
        let next = String(repeating: " ", count: hanging)
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if line.isEmpty {
                line = (lines.isEmpty ? indent : next) + word
            } else if line.count + 1 + word.count <= width {
                line += " " + word
            } else {
                lines.append(line)
                line = next + word
            }
        }
        return lines + [line]
    }
}
