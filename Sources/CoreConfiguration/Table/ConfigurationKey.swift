/// One key of the configuration: everything that is known of it is in its row of the table, ``all``.
///
/// The reader, `--help`, `tessera config` and `docs/configuration.md` are made from these rows.
struct ConfigurationKey: Sendable {
    /// What is special about a key.
    struct Traits: OptionSet, Sendable {
        let rawValue: Int

        /// An app may have a value of its own.
        static let app = Traits(rawValue: 1)
        /// Its value is never printed.
        static let secret = Traits(rawValue: 2)
        /// A running core takes a new value on SIGHUP.
        static let reloadable = Traits(rawValue: 4)
        /// SuperTokens' core does not have it.
        static let own = Traits(rawValue: 8)
        /// It is checked, and sets nothing.
        static let ignored = Traits(rawValue: 16)
        /// Another name of another key.
        static let alias = Traits(rawValue: 32)
    }

    /// The name in `config.yaml`.
    let name: String
    /// What the value has to be.
    let type: ValueType
    let traits: Traits
    /// What it does, for an operator.
    let effect: String
    /// Puts a text into the draft; the reason where it breaks a rule.
    let read: @Sendable (_ text: String, _ draft: inout ConfigurationDraft) -> Breach?
    /// The value as a text, also of a secret; `nil` where there is none.
    let text: @Sendable (ConfigurationDraft) -> String?
    private let defaultWords: String?

    /// A key that sets a property.
    ///
    /// - Parameters:
    ///   - name: its name in `config.yaml`.
    ///   - format: what its value looks like.
    ///   - property: what it sets; the default is that of the property.
    ///   - default: the default in words, where it is not in the property.
    ///   - traits: what is special about it.
    ///   - effect: what it does.
    init<Value>(
        _ name: String, _ format: ValueFormat<Value>,
        _ property: any WritableKeyPath<ConfigurationDraft, Value> & Sendable,
        default: String? = nil, _ traits: Traits = [], _ effect: String
    ) {
        self.name = name
        type = format.type
        self.traits = traits
        self.effect = effect
        defaultWords = `default`
        text = { draft in format.print(draft[keyPath: property]) }
        read = { text, draft in
            // A text that is empty says nothing.
            if text.isEmpty, format.type == .string { return nil }
            switch format.parse(text, name) {
            case .value(let value):
                draft[keyPath: property] = value
                return nil
            case .breach(let breach): return breach
            }
        }
    }

    /// A key of SuperTokens that is checked and sets nothing.
    static func ignored<Value>(_ name: String, _ format: ValueFormat<Value>, _ effect: String) -> ConfigurationKey {
        ConfigurationKey(name, format, effect)
    }

    private init<Value>(_ name: String, _ format: ValueFormat<Value>, _ effect: String) {
        self.name = name
        type = format.type
        traits = .ignored
        self.effect = effect
        defaultWords = "none"
        text = { _ in nil }
        read = { text, _ in
            if case .breach(let breach) = format.parse(text, name) { breach } else { nil }
        }
    }

    /// The default, for an operator.
    var defaultText: String { defaultWords ?? text(ConfigurationDraft()) ?? "none" }

    /// The variable that SuperTokens' documents and ours promise: the name in uppercase, `SUPERTOKENS_` before those
    /// that every shell has.
    var promisedVariable: String {
        (["port", "host"].contains(name) ? "SUPERTOKENS_" : "") + name.uppercased()
    }

    /// The variable that no other program means.
    var ownVariable: String { "TESSERA_" + name.uppercased() }

    /// The variable for the documents.
    var documentedVariable: String { traits.contains(.own) ? ownVariable : promisedVariable }
}

/// What the value of a key has to be, by the names of the Java cores.
enum ValueType: String, Sendable {
    case int, long, double, boolean
    case string = "String"

    /// The same in words.
    var words: String {
        switch self {
        case .int, .long: "whole number"
        case .double: "number"
        case .boolean: "true or false"
        case .string: "text"
        }
    }
}

/// Why the text of a key is not taken.
enum Breach: Sendable {
    /// It is of another type.
    case type(ValueType)
    /// It breaks this rule.
    case rule(String)

    /// The reason for an operator.
    func words(of name: String) -> String {
        switch self {
        case .type(.boolean): "'\(name)' has to be true or false."
        case .type(let type): "'\(name)' has to be a \(type.words)."
        case .rule(let text): text
        }
    }

    /// The reason as the cores send it to who configures an app.
    func wire(of name: String) -> String {
        switch self {
        case .type(let type): "'\(name)' must be of type \(type.rawValue)"
        case .rule(let text): text
        }
    }
}
