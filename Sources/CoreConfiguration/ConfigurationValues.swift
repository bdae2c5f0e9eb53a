/// What was set, where: flags over environment over file, values still text.
struct ConfigurationValues {
    private var texts: [ConfigurationKey: String] = [:]
    /// What the operator should know although the core starts.
    private(set) var warnings: [String] = []
    private var pathSuffix: String

    /// Creates a value from the values.
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
            for (name, value) in try ConfigurationFile(text: file.text, path: file.path).entries {
                try take(name, value)
            }
        }
        for key in ConfigurationKey.allCases {
            guard let text = environment[key.environmentName], !text.isEmpty else { continue }
            // Container platforms set POSTGRESQL_PORT to an address for any service of that name.
            if key == .postgresPort, text.contains("://") { continue }
            texts[key] = text
        }
        for name in ForeignKey.databaseVariables where environment[name]?.isEmpty == false {
            throw Self.databaseNotSpoken(name)
        }
        texts.merge(flags) { _, flag in flag }
        for key in ConfigurationKey.allCases where key.isWithoutEffect && texts[key] != nil {
            warnings.append("'\(key.rawValue)' has no effect here and is ignored.")
        }
    }

    private mutating func take(_ name: String, _ value: ConfigurationFile.Value) throws(ConfigurationError) {
        if let key = ConfigurationKey(rawValue: name) {
            guard case .text(let text) = value else { throw Self.wrongType(key) }
            texts[key] = text
        } else if ForeignKey.namesForeignDatabase(name) {
            throw Self.databaseNotSpoken(name)
        } else if ForeignKey.ofOtherRecipes.contains(name) {
            warnings.append("'\(name)' has no effect here and is ignored.")
        } else {
            warnings.append("unknown configuration key '\(name)': ignored; see docs/configuration.md")
        }
    }

    private static func wrongType(_ key: ConfigurationKey) -> ConfigurationError {
        ConfigurationError("'\(key.rawValue)' must be of type \(key.type.rawValue)")
    }

    /// Sessions would silently be somewhere else than the operator believes.
    private static func databaseNotSpoken(_ name: String) -> ConfigurationError {
        let database = name.split(separator: "_").first.map { $0.lowercased() } ?? ""
        let title = ["mysql": "MySQL", "mongodb": "MongoDB"][database] ?? database
        return ConfigurationError(
            "'\(name)' asks for \(title), which this release does not speak: it keeps sessions in an SQLite file or in PostgreSQL. "
                + "Remove every key of \(title) to start with that.")
    }

    /// The same with other values on top, which are not from the file.
    func overlaid(with texts: [ConfigurationKey: String]) -> ConfigurationValues {
        var values = self
        values.texts.merge(texts) { _, new in new }
        values.pathSuffix = ""
        return values
    }

    /// The text of a key; an empty one is missing.
    func text(_ key: ConfigurationKey) -> String? { texts[key].flatMap { $0.isEmpty ? nil : $0 } }

    /// The integer of a key.
    func integer(_ key: ConfigurationKey) throws(ConfigurationError) -> Int64? {
        try read(key) { text in key.type == .int ? Int32(text).map { Int64($0) } : Int64(text) }
    }

    /// The number of a key.
    func number(_ key: ConfigurationKey) throws(ConfigurationError) -> Double? {
        try read(key) { text in Double(text).flatMap { $0.isFinite ? $0 : nil } }
    }

    /// The Boolean of a key.
    func bool(_ key: ConfigurationKey) throws(ConfigurationError) -> Bool? {
        try read(key) { Bool($0.lowercased()) }
    }

    private func read<Value>(
        _ key: ConfigurationKey, _ parse: (String) -> Value?
    ) throws(ConfigurationError) -> Value? {
        guard let text = texts[key] else { return nil }
        guard let value = parse(text) else { throw Self.wrongType(key) }
        return value
    }

    /// A broken rule whose message names the file.
    func error(_ message: String) -> ConfigurationError { ConfigurationError(message + pathSuffix) }
}
