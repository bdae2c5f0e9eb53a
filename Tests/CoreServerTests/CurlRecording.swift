import CoreServer
import Foundation

/// Reads a conversation that was recorded with `curl`: a title, the command, the raw reply.
struct CurlRecording {
    /// An exchange and what it was called.
    struct Step: Sendable {
        let title: String
        let exchange: Exchange
    }

    let steps: [Step]

    init(_ name: String) throws {
        guard let url = Bundle.module.url(forResource: name, withExtension: "txt", subdirectory: "Recordings") else {
            throw Recording.Malformed(block: "no recording \(name)")
        }
        let text = try String(contentsOf: url, encoding: .utf8).replacingOccurrences(of: "\r\n", with: "\n")
        let blocks = text.components(separatedBy: "\n### ").dropFirst()
        steps = try blocks.enumerated().compactMap { try Self.step($0.element, number: $0.offset + 1) }
    }

    /// A step; `nil` for a block without a command.
    private static func step(_ block: String, number: Int) throws -> Step? {
        let lines = block.components(separatedBy: "\n")
        guard let command = lines.firstIndex(where: { $0.hasPrefix("$ curl") }) else { return nil }
        let reply = lines[(command + 1)...].drop { !$0.hasPrefix("HTTP/1.1 ") }
        let status = reply.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        guard let status, let request = request(lines[command]) else { throw Recording.Malformed(block: block) }
        let headers = reply.dropFirst().prefix { $0.contains(": ") && !$0.hasPrefix("{") }
        let contentType = headers.first { $0.hasPrefix("Content-Type: ") }.map { String($0.dropFirst(14)) }
        let body = reply.dropFirst(1 + headers.count).first { !$0.isEmpty } ?? ""
        return Step(
            title: lines[0],
            exchange: Exchange(
                number: number, request: request, status: status, contentType: contentType, body: body + "\n"))
    }

    private static func request(_ command: String) -> CoreRequest? {
        guard let words = shellWords(command), let method = argument("-X", words),
            let address = words.first(where: { $0.hasPrefix("http://") }),
            let slash = address.dropFirst("http://".count).firstIndex(of: "/")
        else { return nil }
        let target = address[slash...].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var request = CoreRequest(
            method: method, path: String(target[0]), query: target.count > 1 ? String(target[1]) : nil)
        for (flag, value) in zip(words, words.dropFirst()) where flag == "-H" {
            let parts = value.split(separator: ":", maxSplits: 1)
            // curl leaves a header without a value out.
            guard parts.count == 2, case let text = parts[1].trimmingCharacters(in: .whitespaces), !text.isEmpty else {
                continue
            }
            switch parts[0] {
            case "cdi-version": request.version = text
            case "api-key": request.apiKey = text
            default: break
            }
        }
        request.body = Array((argument("--data-binary", words) ?? argument("-d", words) ?? "").utf8)
        return request
    }

    private static func argument(_ flag: String, _ words: [String]) -> String? {
        words.firstIndex(of: flag).flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
    }

    /// Splits a command as a shell does; `nil` when a quote is not closed.
    private static func shellWords(_ command: String) -> [String]? {
        var words: [String] = []
        var word: String?
        var isQuoted = false
        var isEscaped = false
        for character in command {
            switch character {
            case _ where isEscaped: (word, isEscaped) = ((word ?? "") + String(character), false)
            case "'": (word, isQuoted) = (word ?? "", !isQuoted)
            case "\\" where !isQuoted: isEscaped = true
            case " " where !isQuoted:
                if let word { words.append(word) }
                word = nil
            default: word = (word ?? "") + String(character)
            }
        }
        return isQuoted ? nil : words + (word.map { [$0] } ?? [])
    }
}
