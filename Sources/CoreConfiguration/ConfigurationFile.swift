/// The keys and values of a `config.yaml`, values still text.
struct ConfigurationFile {
    /// What a key has.
    enum Value {
        case text(String)
        /// A list or a mapping.
        case nested
    }

    /// The keys that have a value, in the file's order.
    private(set) var entries: [(name: String, value: Value)] = []

    /// Parses a file.
    ///
    /// - Throws: ``ConfigurationError`` for a file that is not a list of keys and values.
    init(text: String, path: String) throws(ConfigurationError) {
        let document: YAMLDocument
        do throws(YAMLFault) { document = try YAMLDocument(text) } catch {
            throw ConfigurationError("\(path) is not valid YAML: \(error)")
        }
        switch document {
        case .empty: return
        case .other: throw ConfigurationError("\(path) has to be a list of 'key: value'.")
        case .mapping(let members):
            for (key, value) in members {
                guard let key else { throw ConfigurationError("\(path) has a key that is no text.") }
                switch value {
                case .null: continue
                case .text(let text): entries.append((key, .text(text)))
                case .nested: entries.append((key, .nested))
                }
            }
        }
    }
}
