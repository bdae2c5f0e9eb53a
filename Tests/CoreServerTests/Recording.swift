import CoreServer
import Foundation

/// One exchange with a real core.
struct Exchange: Sendable {
    let number: Int
    var request: CoreRequest
    let status: Int
    let contentType: String?
    let body: String

    /// The request in one line, for a message.
    var title: String {
        let body = String(decoding: request.body.prefix(80), as: UTF8.self)
        return "#\(number) \(request.version ?? "-") \(request.method) \(request.path)?\(request.query ?? "") \(body)"
    }
}

/// Reads a recorded conversation (`tr-*.txt`): requests as sent, replies with their body as a Python string literal.
struct Recording {
    let exchanges: [Exchange]

    struct Malformed: Error {
        let block: String
    }

    init(_ name: String) throws {
        guard let url = Bundle.module.url(forResource: name, withExtension: "txt", subdirectory: "Recordings") else {
            throw Malformed(block: "no recording \(name)")
        }
        let text = "\n" + (try String(contentsOf: url, encoding: .utf8)).replacingOccurrences(of: "\r\n", with: "\n")
        let blocks = text.components(separatedBy: "\n>>> ").dropFirst()
        exchanges = try blocks.enumerated().map { try Self.exchange($0.element, number: $0.offset + 1) }
    }

    private static func exchange(_ block: String, number: Int) throws -> Exchange {
        let sides = block.components(separatedBy: "\n<<< ")
        guard sides.count == 2 else { throw Malformed(block: block) }
        let (requestLine, requestHeaders, body) = try split(sides[0])
        let (statusLine, replyHeaders, literal) = try split(sides[1])
        let words = requestLine.split(separator: " ")
        guard words.count == 3, let status = statusLine.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { throw Malformed(block: block) }
        let target = words[1].split(separator: "?", maxSplits: 1)
        return Exchange(
            number: number,
            request: CoreRequest(
                method: String(words[0]), path: String(target[0]),
                query: target.count > 1 ? String(target[1]) : nil, version: requestHeaders["cdi-version"],
                apiKey: requestHeaders["api-key"], authorization: requestHeaders["authorization"],
                body: Array(body.utf8)),
            status: status, contentType: replyHeaders["content-type"],
            body: unquoted(literal.trimmingCharacters(in: .newlines)))
    }

    private static func split(_ side: String) throws -> (first: String, headers: [String: String], rest: String) {
        guard let gap = side.range(of: "\n\n") else { throw Malformed(block: side) }
        let lines = side[..<gap.lowerBound].split(separator: "\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { headers[parts[0].lowercased()] = String(parts[1].dropFirst()) }
        }
        let rest = String(side[gap.upperBound...])
        return (String(lines.first ?? ""), headers, rest.hasPrefix("\n") ? String(rest.dropFirst()) : rest)
    }

    /// The meaning of a Python string literal.
    private static func unquoted(_ literal: String) -> String {
        var result = String.UnicodeScalarView()
        var rest = literal.dropFirst().dropLast().unicodeScalars[...]
        while let scalar = rest.popFirst() {
            guard scalar == "\\", let escape = rest.popFirst() else {
                result.append(scalar)
                continue
            }
            switch escape {
            case "n": result.append("\n")
            case "r": result.append("\r")
            case "t": result.append("\t")
            case "x", "u":
                let digits = rest.prefix(escape == "x" ? 2 : 4)
                rest = rest.dropFirst(digits.count)
                result.append(UInt32(String(digits), radix: 16).flatMap(Unicode.Scalar.init) ?? "\u{FFFD}")
            default: result.append(escape)
            }
        }
        return String(result)
    }
}
