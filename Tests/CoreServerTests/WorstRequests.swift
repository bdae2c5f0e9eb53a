import CoreServer
import LosslessJSON
import SessionEngine
import TestSupport
import Testing

@testable import CoreDriverInterface

/// A request of any length for one operation of the catalogue.
struct WorstRequest: Sendable, CustomTestStringConvertible {
    /// What is long about it.
    enum Length: Sendable, CustomStringConvertible {
        /// Fields, or parameters of the query, that no one reads.
        case unread
        /// The value of a field, of members or elements whose values are these.
        case value(String, of: JSONValue)

        var description: String {
            switch self {
            case .unread: "unread"
            case .value(let name, let value): "\(name) of \(value.text)"
            }
        }
    }

    typealias Field = (name: String, type: WireType)

    let operation: CoreOperation
    let method: String
    let path: String
    let version: String
    let fields: [Field]
    let length: Length

    var testDescription: String { "\(method) \(path) (\(version)), \(length)" }

    /// Every operation in the newest version that has it, with each of its fields long in turn.
    static let all: [WorstRequest] = CoreOperation.allCases.flatMap(requests)

    private static func requests(of operation: CoreOperation) -> [WorstRequest] {
        let edition = Catalogue.Edition.current
        let routes = edition.routes.filter { $0.operation == operation }
        let places = routes.compactMap { route in edition.versions(of: route).last.map { (route, $0) } }
        let newest = places.max {
            Catalogue.supported.firstIndex(of: $0.1) ?? 0 < Catalogue.supported.firstIndex(of: $1.1) ?? 0
        }
        guard let (route, version) = newest, let dialect = Dialect.all[version] else { return [] }
        var (left, first) = (Set<String>(), String?.none)
        for case .rule(let rule) in Catalogue.requests[operation]?.outline ?? [] {
            switch rule {
            case .exactlyOne(let names): (left, first) = (left.union(names), names.last)
            case .beside(let name, _): left.insert(name)
            case .other: break
            }
        }
        let fields = Catalogue.fields(of: operation, dialect).map { Field(name: $0.name, type: $0.type) }
            .filter { $0.name == first || !left.contains($0.name) }
        let all = [Length.unread] + fields.flatMap(lengths)
        return all.map { length in
            WorstRequest(
                operation: operation, method: route.methods.last?.rawValue ?? "GET", path: route.path,
                version: version.description, fields: fields, length: length)
        }
    }

    private static func lengths(of field: Field) -> [Length] {
        switch field.type {
        case .object: [.value(field.name, of: 1), .value(field.name, of: .null)]
        case .string, .list: [.value(field.name, of: "x")]
        case .boolean, .long, .record: []
        }
    }

    /// The request with a length of `n`.
    func request(_ n: Int, _ context: [String: JSONValue]) -> CoreRequest {
        let values = fields.map { field in
            var value = context[field.name] ?? field.type.sample
            if case .value(field.name, let element) = length { value = Self.long(field.type, n, element) }
            return JSONObject.Member(name: field.name, value: value)
        }
        var unread: [JSONObject.Member] = []
        if case .unread = length { unread = Self.members(n, 1) }
        let body = JSONObject(uniqueMembers: unread + values)
        guard method == "GET" else {
            return CoreRequest(method: method, path: path, version: version, body: body.serialized())
        }
        let query = body.members.map { "\($0.name)=\($0.value.string ?? $0.value.text)" }.joined(separator: "&")
        return CoreRequest(method: method, path: path, query: query, version: version)
    }

    private static func long(_ type: WireType, _ n: Int, _ element: JSONValue) -> JSONValue {
        switch type {
        case .string: .string(String(repeating: "x_y.", count: 2 * n))
        case .list: .array((0..<n).map { .string("x\($0)_y") })
        default: .object(JSONObject(uniqueMembers: members(n, element)))
        }
    }

    private static func members(_ n: Int, _ value: JSONValue) -> [JSONObject.Member] {
        (0..<n).map { JSONObject.Member(name: "k\($0)", value: value) }
    }
}

extension WireType {
    /// A short value of the type.
    var sample: JSONValue {
        switch self {
        case .string: "x"
        case .boolean: false
        case .long: 1_000
        case .list: .array([])
        case .object, .record: [:]
        }
    }
}

/// Texts of a length that cost the most to read or write.
enum WorstText: String, CaseIterable {
    case members, smallObjects, nested, escapes, separators, numbers, arrays, plain

    /// A JSON value of about `count` bytes.
    func text(_ count: Int) -> String {
        let (open, element, separator, close) = parts
        let number = max(1, count / (element.utf8.count + separator.utf8.count))
        if self == .members { return "{" + (0..<number).map { "\"k\($0)\":1" }.joined(separator: ",") + "}" }
        return open + Array(repeating: element, count: number).joined(separator: separator) + close
    }

    private var parts: (String, String, String, String) {
        switch self {
        case .members: ("{", "\"k12345\":1", ",", "}")
        case .smallObjects: ("[", "{\"a\":1}", ",", "]")
        case .nested: ("[", String(repeating: "[", count: 50) + String(repeating: "]", count: 50), ",", "]")
        case .escapes: ("\"", "\\u00e9", "", "\"")
        case .separators: ("\"", "\\u2028\\n", "", "\"")
        case .numbers: ("[", "1", ",", "]")
        case .arrays: ("[", "[]", ",", "]")
        case .plain: ("\"", "plain é", "", "\"")
        }
    }
}
