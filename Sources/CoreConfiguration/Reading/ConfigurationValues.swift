import CoreServer
import Foundations

/// What was said, where: flags over environment over file, values still text.
struct ConfigurationValues: Sendable {
    /// A text and where it is from.
    struct Entry: Sendable {
        let text: String
        let source: ConfigurationSource
    }

    private var entries: [String: Entry] = [:]
    /// What the operator should know although the core starts.
    private(set) var warnings: [String] = []
    /// What is wrong with what was said, before a value was looked at.
    private(set) var problems: [ConfigurationProblem] = []

    /// Creates a value from the values.
    ///
    /// - Parameters:
    ///   - file: the file's text and path, if there is one.
    ///   - environment: the process's environment.
    ///   - flags: what the command line said, by the names of keys, with the names of the flags.
    ///   - contents: reads a file that the environment names; `nil` where it cannot be read.
    init(
        file: (text: String, path: String)?, environment: [String: String],
        flags: [(key: String, flag: String, text: String)], contents: (String) -> String?
    ) {
        if let file { read(file) }
        for key in ConfigurationKey.all { read(key, environment, contents) }
        for name in ForeignKey.databaseVariables where environment[name]?.isEmpty == false {
            problems.append(Self.databaseNotSpoken(name, .variable(name)))
        }
        noteUnknownVariables(environment)
        for (key, flag, text) in flags { entries[key] = Entry(text: text, source: .flag(flag)) }
        for key in ConfigurationKey.all where key.traits.contains(.ignored) {
            if let entry = entries[key.name] { warnings.append("\(entry.source): '\(key.name)' has no effect here.") }
        }
    }

    /// What a driver sent for an app.
    init(app texts: [String: String]) {
        entries = texts.mapValues { Entry(text: $0, source: .app) }
    }

    /// What was said about a key.
    subscript(name: String) -> Entry? {
        get { entries[name] }
        set { entries[name] = newValue }
    }

    /// Listens where the service manager does; that something else was said must not pass unnoticed.
    mutating func takeSocket(host: String, port: Int) {
        take("host", host) { Loopback.bare($0) == host || Loopback.isLocal($0) && Loopback.isLocal(host) }
        take("port", String(port)) { [String(port), "0"].contains(String($0.trimmed(\.isWhitespace))) }

        func take(_ key: String, _ text: String, isSame: (String) -> Bool) {
            if let entry = entries[key], !isSame(entry.text) {
                problems.append(
                    ConfigurationProblem(
                        "'\(key)' is not that of the socket that the service manager has opened (\(host), port \(port)). Say it "
                            + "in tessera.socket (ListenStream) and not here, or disable tessera.socket.", key: key,
                        source: entry.source, value: entry.text))
            }
            entries[key] = Entry(text: text, source: .socket)
        }
    }

    private mutating func read(_ file: (text: String, path: String)) {
        let read: ConfigurationFile
        do throws(ConfigurationError) { read = try ConfigurationFile(text: file.text, path: file.path) } catch {
            problems += error.problems
            return
        }
        warnings += read.warnings
        for entry in read.entries { take(entry, .file(file.path, line: entry.line)) }
    }

    private mutating func take(_ entry: ConfigurationFile.Entry, _ source: ConfigurationSource) {
        let name = entry.name
        if let key = ConfigurationKey.byName[name] {
            guard case .text(let text) = entry.value else {
                let breach = Breach.type(key.type)
                problems.append(
                    ConfigurationProblem(
                        breach.words(of: name) + " It is a list or a mapping.", key: name, source: source))
                return
            }
            entries[name] = Entry(text: text, source: source)
        } else if ForeignKey.namesForeignDatabase(name) {
            problems.append(Self.databaseNotSpoken(name, source))
        } else if ForeignKey.ofOtherRecipes.contains(name) {
            warnings.append(
                "\(source): '\(name)' has no effect here: it is of a recipe that a session core does not have.")
        } else {
            warnings.append("\(source): \(ConfigurationFile.quoted(name)) is not a known key. Is it spelled right?")
        }
    }

    /// Reads a key's variables; that with our name goes before the other, and both before their files.
    private mutating func read(
        _ key: ConfigurationKey, _ environment: [String: String], _ contents: (String) -> String?
    ) {
        let names = [key.promisedVariable, key.ownVariable]
        if key.traits.contains(.secret) {
            for name in names.map({ $0 + "_FILE" }) where ConfigurationKey.byName[key.name + "_file"] == nil {
                guard let path = environment[name], !path.isEmpty else { continue }
                guard let text = contents(path) else {
                    problems.append(
                        ConfigurationProblem(
                            "the file that is to hold '\(key.name)' cannot be read.", key: key.name,
                            source: .variable(name), value: path))
                    continue
                }
                entries[key.name] = Entry(text: String(text.trimmed(\.isWhitespace)), source: .fileOfVariable(name))
            }
        }
        let found = names.compactMap { name in
            environment[name].flatMap { text in text.isEmpty ? nil : (name: name, text: text) }
        }.filter { !isOfPlatform($0.name, $0.text, key) }
        guard let last = found.last else { return }
        entries[key.name] = Entry(text: last.text, source: .variable(last.name))
        if let first = found.first, first.text != last.text {
            warnings.append("\(first.name) in the environment is not used: \(last.name) says something else.")
        } else if key.traits.contains(.own), last.name == key.promisedVariable {
            warnings.append(
                "'\(key.name)' is what \(last.name) in the environment says; if that variable is another program's, remove "
                    + "it or set \(key.ownVariable).")
        }
    }

    /// Notes an address that container platforms put into the environment for any service of a name: Kubernetes and
    /// Docker set `SUPERTOKENS_PORT=tcp://10.0.0.1:3567`.
    private mutating func isOfPlatform(_ variable: String, _ text: String, _ key: ConfigurationKey) -> Bool {
        guard variable.hasSuffix("_PORT"), text.contains("://") else { return false }
        warnings.append(
            "\(variable) in the environment is ignored: it is an address, as container platforms set it for a service of "
                + "that name, and no value of '\(key.name)'.")
        return true
    }

    private mutating func noteUnknownVariables(_ environment: [String: String]) {
        var known = Set(ConfigurationKey.all.map(\.ownVariable))
        known.formUnion(ConfigurationKey.all.map { $0.ownVariable + "_FILE" })
        for name in environment.keys.sorted()
        where name.hasPrefix("TESSERA_") && !known.contains(name) && !ForeignKey.isVariableOfTools(name) {
            warnings.append("\(name) in the environment is not a known key. Is it spelled right?")
        }
    }

    /// Sessions would silently be somewhere else than the operator believes.
    private static func databaseNotSpoken(_ name: String, _ source: ConfigurationSource) -> ConfigurationProblem {
        let database = name.split(separator: "_").first.map { $0.lowercased() } ?? ""
        let title = ["mysql": "MySQL", "mongodb": "MongoDB"][database] ?? database
        return ConfigurationProblem(
            "'\(name)' asks for \(title), which this release does not speak: it keeps sessions in an SQLite file or in PostgreSQL. "
                + "Remove every key of \(title) to start with that.", key: name, source: source)
    }
}
