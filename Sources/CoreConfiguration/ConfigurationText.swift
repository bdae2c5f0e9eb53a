/// The table of keys, and a configuration, as texts.
public enum ConfigurationText {
    /// What a flag does, for `--help`: the row of its key.
    public static func help(_ name: String) -> String {
        guard let key = ConfigurationKey.byName[name] else { return "" }
        let effect = plain(key.effect)
        let text = effect.prefix(1).uppercased() + effect.dropFirst()
        return key.type == .boolean ? "\(text)." : "\(text). (default: \(plain(key.defaultText)))"
    }

    /// Every key with its variable, type, default and effect, for a console.
    public static func keys() -> String {
        var lines: [String] = []
        for group in ConfigurationKey.groups {
            lines += [group.title, ""]
            for key in group.keys {
                lines.append("  \(key.name)")
                lines.append("      \(plain(key.effect))")
                let facts = ["\(key.documentedVariable)", key.type.words, "default: \(plain(key.defaultText))"]
                lines.append("      \((facts + notes(key)).joined(separator: "; "))")
            }
            lines.append("")
        }
        return lines.joined(separator: "\n")
    }

    /// The generated part of `docs/configuration.md`.
    public static func markdown() -> String {
        ConfigurationKey.groups.map { group in
            let rows = group.keys.map { key in
                let isInWords =
                    key.defaultText.contains("`") || key.defaultText.contains(" ") || key.defaultText == "none"
                let value = isInWords ? key.defaultText : "`\(key.defaultText)`"
                let notes = notes(key).map { " (\($0))" }.joined()
                return
                    "| `\(key.name)` | `\(key.documentedVariable)` | \(key.type.words) | \(value) | \(key.effect)\(notes) |"
            }
            let head = [
                "### \(group.title)", "", "| Key | Environment | Type | Default | Effect |", "|---|---|---|---|---|",
            ]
            return (head + rows).joined(separator: "\n") + "\n"
        }.joined(separator: "\n")
    }

    private static func notes(_ key: ConfigurationKey) -> [String] {
        var notes: [String] = []
        if key.traits.contains(.app) { notes.append("apps may differ") }
        if key.traits.contains(.secret) { notes.append("secret") }
        if key.traits.contains(.reloadable) { notes.append("SIGHUP reloads it") }
        return notes
    }

    private static func plain(_ text: String) -> String {
        text.split(separator: "`", omittingEmptySubsequences: false).joined()
    }
}

extension OperatorConfiguration {
    /// Every key with the value that counts and where it is from, as a `config.yaml`; nothing of a secret.
    public var listing: String {
        var lines: [String] = []
        for key in ConfigurationKey.all {
            let entry = values[key.name]
            let isExtra = key.traits.contains(.ignored) || key.traits.contains(.alias)
            if entry == nil, isExtra { continue }
            let source = entry.map { "\($0.source)" } ?? "default"
            if key.traits.contains(.ignored) {
                lines.append("# \(key.name): without effect here (\(source))")
            } else if entry == nil, key.text(draft) == nil {
                let words = key.defaultText.split(separator: "`", omittingEmptySubsequences: false).joined()
                lines.append("# \(key.name): \(words) (default)")
            } else if let entry, ConfigurationReading.visible(entry.text, of: key.name) == nil {
                lines.append("# \(key.name): set and not shown (\(source))")
            } else if let text = key.text(draft) {
                lines.append("\(key.name): \(Self.quoted(text, key.type)) # \(source)")
            } else {
                lines.append("# \(key.name): none (\(source))")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func quoted(_ text: String, _ type: ValueType) -> String {
        guard type == .string else { return text }
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "/"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        guard !isPlain else { return text }
        let escaped = text.unicodeScalars.map { scalar in
            switch scalar {
            case "\"", "\\": "\\\(scalar)"
            case _ where scalar.properties.generalCategory == .control:
                "\\u" + String(repeating: "0", count: 4 - String(scalar.value, radix: 16).count)
                    + String(scalar.value, radix: 16)
            default: String(scalar)
            }
        }
        return "\"\(escaped.joined())\""
    }
}
