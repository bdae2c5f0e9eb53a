import Foundations
import SessionEngine

/// What the text of a value looks like, and what it means.
struct ValueFormat<Value: Sendable>: Sendable {
    /// What comes of a text.
    enum Parsed {
        case value(Value)
        case breach(Breach)
    }

    let type: ValueType
    /// Reads a text; the second argument is the name of the key, for the reason.
    let parse: @Sendable (_ text: String, _ name: String) -> Parsed
    /// Writes a value; `nil` for none.
    let print: @Sendable (Value) -> String?

    init(
        _ type: ValueType, parse: @escaping @Sendable (_ text: String, _ name: String) -> Parsed,
        print: @escaping @Sendable (Value) -> String?
    ) {
        self.type = type
        self.parse = parse
        self.print = print
    }

    /// The same for a value that may be missing.
    func optional() -> ValueFormat<Value?> {
        ValueFormat<Value?>(type) { text, name in
            switch parse(text, name) {
            case .value(let value): .value(value)
            case .breach(let breach): .breach(breach)
            }
        } print: { value in
            value.flatMap(print)
        }
    }

    /// One of some words, case-insensitively.
    ///
    /// - Parameters:
    ///   - choices: the words with what they mean, in the order of the documents.
    ///   - rule: the reason for any other word, given the key's name.
    static func choice(
        _ choices: [(word: String, value: Value)], _ rule: @escaping @Sendable (String) -> String
    ) -> ValueFormat where Value: Equatable {
        ValueFormat(.string) { text, name in
            let found = choices.first { $0.word.lowercased() == text.lowercased() }
            return found.map { .value($0.value) } ?? .breach(.rule(rule(name)))
        } print: { value in
            choices.first { $0.value == value }?.word
        }
    }
}

extension ValueFormat where Value == String {
    /// Any text.
    static var text: ValueFormat {
        ValueFormat(.string) { text, _ in
            .value(text)
        } print: {
            $0.isEmpty ? nil : $0
        }
    }

    /// A path, with a slash before it where that is missing.
    static var path: ValueFormat {
        ValueFormat(.string) { text, _ in
            .value(text.hasPrefix("/") ? text : "/" + text)
        } print: {
            $0
        }
    }
}

extension ValueFormat where Value == String? {
    /// Any text, or none.
    static var someText: ValueFormat { ValueFormat<String>.text.optional() }
}

extension ValueFormat where Value == Bool {
    /// `true` or `false`.
    static var flag: ValueFormat {
        ValueFormat(.boolean) { text, _ in
            Bool(text.lowercased()).map { .value($0) } ?? .breach(.type(.boolean))
        } print: { value in
            String(value)
        }
    }
}

extension ValueFormat where Value == Int {
    /// An integer within bounds.
    static func whole(_ range: ClosedRange<Int>, _ rule: @escaping @Sendable (String) -> String) -> ValueFormat {
        ValueFormat(.int) { text, name in
            guard let number = Int(text) else { return .breach(.type(.int)) }
            return range.contains(number) ? .value(number) : .breach(.rule(rule(name)))
        } print: { value in
            String(value)
        }
    }
}

extension ValueFormat where Value == Int64 {
    /// An integer that is greater than 0.
    static var positive: ValueFormat {
        ValueFormat(.long) { text, name in
            guard let number = Int64(text) else { return .breach(.type(.long)) }
            return number > 0 ? .value(number) : .breach(.rule("'\(name)' must be greater than 0."))
        } print: { value in
            String(value)
        }
    }
}

extension ValueFormat where Value == Double {
    /// A number within bounds.
    static func number(_ range: ClosedRange<Double>) -> ValueFormat {
        ValueFormat(.double) { text, name in
            guard let number = Double(text), number.isFinite else { return .breach(.type(.double)) }
            if range.contains(number) { return .value(number) }
            let (low, high) = (NumberText.of(range.lowerBound), NumberText.of(range.upperBound))
            return .breach(.rule("'\(name)' must be between \(low) and \(high) inclusive."))
        } print: { value in
            NumberText.of(value)
        }
    }
}

extension ValueFormat where Value == Milliseconds {
    /// Whole seconds within bounds.
    static func seconds(_ type: ValueType, _ range: ClosedRange<Int64>) -> ValueFormat {
        ValueFormat(type) { text, name in
            guard let seconds = Int64(text) else { return .breach(.type(type)) }
            if range.contains(seconds) { return .value(.seconds(seconds)) }
            let rule = "'\(name)' must be between \(range.lowerBound) and \(range.upperBound) seconds inclusive."
            return .breach(.rule(rule))
        } print: { value in
            NumberText.of(Double(value.count) / 1_000)
        }
    }

    /// Any number of seconds within bounds.
    static func decimalSeconds(_ range: ClosedRange<Double>) -> ValueFormat {
        units(1_000) { seconds, name in
            guard !range.contains(seconds) else { return nil }
            let (low, high) = (NumberText.of(range.lowerBound), NumberText.of(range.upperBound))
            return "'\(name)' must be between \(low) and \(high) seconds inclusive."
        }
    }

    /// Any number of minutes; a rule of several keys says how many.
    static var minutes: ValueFormat { units(60_000) { _, _ in nil } }

    /// Any number of hours; a rule of several keys says how many.
    static var hours: ValueFormat { units(3_600_000) { _, _ in nil } }

    /// More than no days.
    static var days: ValueFormat {
        units(86_400_000) { days, name in days > 0 ? nil : "'\(name)' must be greater than 0." }
    }

    private static func units(
        _ milliseconds: Double, _ rule: @escaping @Sendable (_ number: Double, _ name: String) -> String?
    ) -> ValueFormat {
        ValueFormat(.double) { text, name in
            guard let number = Double(text), number.isFinite else { return .breach(.type(.double)) }
            if let breach = rule(number, name) { return .breach(.rule(breach)) }
            return .value(Milliseconds(NumberText.whole(number * milliseconds)))
        } print: { value in
            NumberText.of(Double(value.count) / milliseconds)
        }
    }
}

/// Numbers as people write them.
enum NumberText {
    /// Without a fraction where there is none.
    static func of(_ number: Double) -> String {
        Int64(exactly: number).map { String($0) } ?? "\(number)"
    }

    /// The nearest integer; a number beyond 64 bits is the largest, never a trap.
    static func whole(_ number: Double) -> Int64 {
        Int64(exactly: number.rounded()) ?? (number < 0 ? .min : .max)
    }
}
