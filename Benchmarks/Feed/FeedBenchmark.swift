import Foundation
import SessionEngine
import TesseraRemoteCore
import TesseraSessions

/// What the feed of ended sessions costs and gives a server with sessions (docs/feed.md): the figures as one line of JSON.
///
/// `FeedBenchmark load|silence|memory|cutoffs CORES NAME=NUMBER…`, with the addresses of cores separated by `;`.
@main
struct FeedBenchmark {
    static func main() async throws {
        let words = Array(CommandLine.arguments.dropFirst())
        guard words.count >= 2 else { throw Problem("FeedBenchmark load|silence|memory|cutoffs CORES NAME=NUMBER…") }
        let options = Options(cores: words[1], words.dropFirst(2))
        // Off the main actor, as a server's requests are.
        let found = try await Task.detached { try await Self.run(words[0], options) }.value
        print(
            String(
                decoding: try JSONSerialization.data(withJSONObject: found.value, options: .sortedKeys), as: UTF8.self))
    }

    static func run(_ name: String, _ options: Options) async throws -> Figures {
        switch name {
        case "load": try await Load(options).run()
        case "silence": try await Silence(options).run()
        case "memory": try await Memory(options).run()
        case "cutoffs": try await CutOffs(options).run()
        default: throw Problem("there is no measurement '\(name)'")
        }
    }
}

/// Figures, made by one task and read by another.
struct Figures: @unchecked Sendable {
    // Nothing changes it once it is made.
    let value: [String: Any]
}

struct Options: Sendable {
    let cores: String
    private let numbers: [String: Int]

    init(cores: String, _ words: some Sequence<String>) {
        self.cores = cores
        numbers = Dictionary(
            words.compactMap { word in
                let parts = word.split(separator: "=")
                return parts.count == 2 ? Int(parts[1]).map { (String(parts[0]), $0) } : nil
            }, uniquingKeysWith: { $1 })
    }

    func number(_ name: String, _ usual: Int) -> Int { numbers[name] ?? usual }
    /// Each core alone.
    var each: [String] { cores.split(separator: ";").map(String.init) }
}

extension Verifier {
    /// Tokens of sessions that live.
    func living(_ count: Int) async throws -> [String] {
        var tokens: [String] = []
        for number in 0..<count {
            tokens.append(
                try await sessions.create(userID: UserID("living-\(number)"), payload: ["role": "admin"]).accessToken)
        }
        return tokens
    }
}
