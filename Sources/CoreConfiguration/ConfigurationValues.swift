import Yams

/// What was set, where: flags over environment over file, values still text.
struct ConfigurationValues {
    private var texts: [ConfigurationKey: String] = [:]
    /// What the operator should know although the core starts.
    private(set) var remarks: [String] = []
    private var pathSuffix: String

    /// Collects the values.
    ///
    /// - Parameters:
    ///   - file: the file's text and path, if there is one.
    ///   - environment: the process's environment.
    ///   - flags: what the command line said.
    /// - Throws: ``ConfigurationError`` for a file that is not a list of keys and values, and for keys that this
    ///   release must not ignore.
    init(
        file: (text: String, path: String)?, environment: [String: String], flags: [ConfigurationKey: String]
    ) throws(ConfigurationError) {
        pathSuffix = file.map { " The config file can be found here: \($0.path)" } ?? ""
        if let file {
            for (name, text) in try Self.parse(file.text, path: file.path) { try take(name, text) }
        }
        for key in ConfigurationKey.allCases {
            if let text = environment[key.environmentName], !text.isEmpty { texts[key] = text }
        }
        for name in ConfigurationKey.refused.sorted() where environment[name.uppercased()]?.isEmpty == false {
            throw Self.notSupported(name)
        }
        texts.merge(flags) { _, flag in flag }
    }

    private mutating func take(_ name: String, _ text: String?) throws(ConfigurationError) {
        guard let text else { return }
        if let key = ConfigurationKey(rawValue: name) {
            texts[key] = text
        } else if ConfigurationKey.refused.contains(name) || ConfigurationKey.namesDatabase(name) {
            throw Self.notSupported(name)
        } else if ConfigurationKey.withoutEffect.contains(name) {
            remarks.append("'\(name)' has no effect here and is ignored.")
        } else {
            remarks.append("'\(name)' is not a known configuration key and is ignored. Is it spelled right?")
        }
    }

    private static func notSupported(_ name: String) -> ConfigurationError {
        ConfigurationError("'\(name)' is not supported by this release. Remove it to start without it.")
    }

    /// The file's keys with their texts; `nil` for a key without a value.
    private static func parse(_ text: String, path: String) throws(ConfigurationError) -> [(String, String?)] {
        let node: Node?
        do { node = try Yams.compose(yaml: text) } catch {
            throw ConfigurationError("\(path) is not valid YAML: \(error)")
        }
        guard let node, node.null == nil else { return [] }
        guard let mapping = node.mapping else { throw ConfigurationError("\(path) has to be a list of 'key: value'.") }
        var values: [(String, String?)] = []
        for (key, value) in mapping {
            guard let name = key.scalar?.string else { throw ConfigurationError("\(path) has a key that is no text.") }
            guard let scalar = value.scalar else {
                throw ConfigurationError("'\(name)' must be a single value. \(path) gives it a list or a mapping.")
            }
            values.append((name, value.null == nil ? scalar.string : nil))
        }
        return values
    }

    /// The same with other values on top, which are not from the file.
    func overlaid(with texts: [ConfigurationKey: String]) -> ConfigurationValues {
        var values = self
        values.texts.merge(texts) { _, new in new }
        values.pathSuffix = ""
        return values
    }

    /// The text of a key.
    func text(_ key: ConfigurationKey) -> String? { texts[key] }

    /// The integer of a key.
    func integer(_ key: ConfigurationKey, type: String = "int") throws(ConfigurationError) -> Int64? {
        try read(key, type) { Int64($0) }
    }

    /// The number of a key.
    func number(_ key: ConfigurationKey) throws(ConfigurationError) -> Double? {
        try read(key, "double") { text in Double(text).flatMap { $0.isFinite ? $0 : nil } }
    }

    /// The truth value of a key.
    func bool(_ key: ConfigurationKey) throws(ConfigurationError) -> Bool? {
        try read(key, "boolean") { Bool($0.lowercased()) }
    }

    private func read<Value>(
        _ key: ConfigurationKey, _ type: String, _ parse: (String) -> Value?
    ) throws(ConfigurationError) -> Value? {
        guard let text = texts[key] else { return nil }
        guard let value = parse(text) else { throw ConfigurationError("'\(key.rawValue)' must be of type \(type)") }
        return value
    }

    /// A broken rule whose message names the file.
    func error(_ message: String) -> ConfigurationError { ConfigurationError(message + pathSuffix) }
}
