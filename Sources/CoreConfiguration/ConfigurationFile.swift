/// The keys and values of a `config.yaml`, values still text.
struct ConfigurationFile {
    /// What a key has.
    enum Value: Equatable {
        case text(String)
        /// A list or a mapping.
        case nested
    }

    /// A key with its value and its line.
    struct Entry {
        let name: String
        let value: Value
        let line: Int
    }

    /// The keys that have a value, in the file's order; the last one of a name counts.
    private(set) var entries: [Entry] = []
    /// What the operator should know.
    private(set) var warnings: [String] = []

    /// Parses a file.
    ///
    /// - Throws: ``ConfigurationError`` for a file that is not a list of keys and values. Nothing of what it holds is in
    ///   the message: a line may be a secret.
    init(text: String, path: String) throws(ConfigurationError) {
        let document: YAMLDocument
        do throws(YAMLFault) { document = try YAMLDocument(text) } catch {
            throw ConfigurationError("\(path) is not valid YAML: \(error)")
        }
        switch document {
        case .empty: return
        case .other: throw ConfigurationError("\(path) has to be a list of 'key: value'.")
        case .mapping(let members):
            var places: [String: Int] = [:]
            for member in members {
                guard let name = member.key else {
                    throw ConfigurationError("\(path), line \(member.line): the key is no text.")
                }
                if let before = places.updateValue(member.line, forKey: name) {
                    warnings.append(
                        "\(path), line \(member.line): \(Self.quoted(name)) is given twice; this one counts, and line "
                            + "\(before) does not.")
                    entries.removeAll { $0.name == name }
                }
                switch member.value {
                case .null: continue
                case .text(let text): entries.append(Entry(name: name, value: .text(text), line: member.line))
                case .nested: entries.append(Entry(name: name, value: .nested, line: member.line))
                }
            }
        }
    }

    /// A key as messages show it: what does not look like the name of one may be a secret on the wrong side of a colon.
    static func quoted(_ name: String) -> String {
        let isName =
            name.utf8.count <= 64 && name.contains("_")
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
        return isName || ConfigurationKey.byName[name] != nil ? "'\(name)'" : "a key that is none of a configuration's"
    }
}
