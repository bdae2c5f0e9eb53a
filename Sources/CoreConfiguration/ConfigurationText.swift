import CoreServer

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

    static func plain(_ text: String) -> String {
        text.split(separator: "`", omittingEmptySubsequences: false).joined()
    }
}

extension OperatorConfiguration {
    /// A key with what may be shown of it.
    struct ShownKey {
        /// What counts.
        enum Content {
            /// The key is checked, and sets nothing.
            case ignored
            /// Nothing was said; the default in words.
            case words(String)
            /// A secret, or what may have one in it.
            case hidden
            case value(String)
            case none
        }

        let key: ConfigurationKey
        let source: String
        let isSet: Bool
        let content: Content

        /// For the admin page.
        var entry: AdminSettings.Entry {
            let value: String? =
                switch content {
                case .ignored: "without effect here"
                case .words(let words): words
                case .value(let text): text
                case .hidden, .none: nil
                }
            let isHidden = if case .hidden = content { true } else { key.traits.contains(.secret) }
            return AdminSettings.Entry(
                name: key.name, value: isHidden ? nil : value, source: source, isSecret: isHidden, isSet: isSet,
                effect: ConfigurationText.plain(key.effect))
        }
    }

    /// Every key with what may be shown of it; keys without effect and former names only where they were said.
    var shownKeys: [ShownKey] {
        ConfigurationKey.all.compactMap { key in
            let entry = values[key.name]
            if entry == nil, key.traits.contains(.ignored) || key.traits.contains(.alias) { return nil }
            return ShownKey(
                key: key, source: entry.map { "\($0.source)" } ?? "default", isSet: entry != nil,
                content: content(of: key, entry?.text))
        }
    }

    private func content(of key: ConfigurationKey, _ said: String?) -> ShownKey.Content {
        if key.traits.contains(.ignored) { return .ignored }
        if let said, ConfigurationReading.visible(said, of: key.name) == nil { return .hidden }
        if let text = key.text(draft) { return .value(text) }
        return said == nil ? .words(ConfigurationText.plain(key.defaultText)) : .none
    }

    /// Every key with the value that counts and where it is from, as a `config.yaml`; nothing of a secret.
    public var listing: String {
        let lines = shownKeys.map { shown in
            switch shown.content {
            case .ignored: "# \(shown.key.name): without effect here (\(shown.source))"
            case .words(let words): "# \(shown.key.name): \(words) (default)"
            case .hidden: "# \(shown.key.name): set and not shown (\(shown.source))"
            case .value(let text): "\(shown.key.name): \(Self.quoted(text, shown.key.type)) # \(shown.source)"
            case .none: "# \(shown.key.name): none (\(shown.source))"
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
