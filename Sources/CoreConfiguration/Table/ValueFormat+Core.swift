import CoreServer
import Foundations
import SessionEngine
import SessionService

extension ValueFormat where Value == [String] {
    /// API keys, separated by commas.
    static var keys: ValueFormat {
        ValueFormat(.string) { text, _ in
            let keys = text.split(separator: ",").map { String($0.trimmed(\.isWhitespace)) }
            // A lone comma is a lost key, not a request for none.
            guard !keys.isEmpty, keys.allSatisfy({ $0.count >= 20 }) else {
                return .breach(.rule("One of the API keys is too short. Please use at least 20 characters"))
            }
            return keys.allSatisfy(KeyText.isPlain) ? .value(keys) : .breach(.rule(KeyText.rule))
        } print: { keys in
            keys.isEmpty ? nil : keys.joined(separator: ",")
        }
    }
}

extension ValueFormat where Value == String? {
    /// The key of who runs the core for others.
    static var operatorKey: ValueFormat {
        ValueFormat<String>(.string) { text, name in
            guard text.count >= 40 else {
                return .breach(.rule("\(name) is too short. Please use at least 40 characters"))
            }
            return KeyText.isPlain(text) ? .value(text) : .breach(.rule(KeyText.rule))
        } print: {
            $0
        }
        .optional()
    }

    /// The address of a database; which form it has to have is a rule of its own.
    static var address: ValueFormat {
        ValueFormat<String>(.string) { text, _ in
            .value(String(text.trimmed(\.isWhitespace)))
        } print: {
            $0
        }.optional()
    }

    /// The path of a log file; the text "null" stands for the console, as in SuperTokens' core.
    static var logPath: ValueFormat {
        ValueFormat(.string) { text, _ in
            .value(text == "null" ? nil : text)
        } print: {
            $0
        }
    }
}

extension ValueFormat where Value == BasePath {
    /// A path in front of all others.
    static var basePath: ValueFormat {
        ValueFormat(.string) { text, name in
            BasePath(text).map { .value($0) } ?? .breach(.rule("Invalid characters in \(name) config"))
        } print: { path in
            path.text.isEmpty ? nil : path.text
        }
    }
}

extension ValueFormat where Value == SigningKeyKind {
    /// Whether the keys are replaced.
    static var isDynamic: ValueFormat {
        ValueFormat(.boolean) { text, _ in
            Bool(text.lowercased()).map { .value($0 ? .dynamic : .static) } ?? .breach(.type(.boolean))
        } print: { kind in
            String(kind == .dynamic)
        }
    }
}

extension ValueFormat where Value == RSAProvider {
    /// A library that this program has.
    static var provider: ValueFormat {
        ValueFormat(.string) { text, name in
            guard let provider = RSAProvider(rawValue: text.lowercased()) else {
                return .breach(.rule("'\(name)' must be \"automatic\", \"boringssl\" or \"openssl\"."))
            }
            guard provider.isBuiltIn else {
                return .breach(
                    .rule(
                        "'\(name)' is \"\(provider.rawValue)\", and this program was built without it: build with "
                            + "'swift build --traits OpenSSL', or set \"automatic\"."))
            }
            return .value(provider)
        } print: { provider in
            provider.rawValue
        }
    }
}

/// What API keys may be made of.
enum KeyText {
    static let rule = "Invalid characters in API key. Please only use '=', '-' and alpha-numeric (including capitals)"

    static func isPlain(_ key: String) -> Bool {
        key.allSatisfy { $0 == "=" || $0 == "-" || ($0.isASCII && ($0.isLetter || $0.isNumber)) }
    }
}
