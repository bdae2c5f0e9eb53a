import Yams

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
        let node: Node?
        do { node = try Yams.compose(yaml: text) } catch {
            throw ConfigurationError("\(path) is not valid YAML: \(error)")
        }
        guard let node, node.null == nil else { return }
        guard let mapping = node.mapping else { throw ConfigurationError("\(path) has to be a list of 'key: value'.") }
        for (key, value) in mapping {
            guard let name = key.scalar?.string else { throw ConfigurationError("\(path) has a key that is no text.") }
            if value.null != nil { continue }
            entries.append((name, value.scalar.map { .text($0.string) } ?? .nested))
        }
    }
}
