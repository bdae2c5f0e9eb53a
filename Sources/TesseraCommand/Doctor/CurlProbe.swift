import Foundations
import PlatformLibC
import SessionDoctor

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// One request by HTTPS, sent by the system's `curl`, so that this program has no TLS of its own.
///
/// What is sent goes through standard input: nothing of it is on a command line, where other users would see it.
struct CurlProbe {
    private let transport: ProbeTransport
    private static let mark = "tessera-doctor-first-byte "
    /// How much of the output is read beside a body: heads.
    private static let headLimit = 256 * 1_024

    init(_ transport: ProbeTransport) {
        self.transport = transport
    }

    func send(_ request: ProbeRequest) -> ProbeOutcome {
        let start = ClockAndRandomness.system.time()
        guard
            let ended = PipedCommand.run(
                ["curl", "-q", "--config", "-"], input: configuration(request),
                limit: transport.bodyLimit + Self.headLimit)
        else {
            return .failure(.transport("https is asked with the system's 'curl', which is not installed"))
        }
        guard let reply = Self.reply(ended.output, sentAt: start, bodyLimit: transport.bodyLimit) else {
            return .failure(Self.failure(ended.status))
        }
        return .reply(reply)
    }

    /// The request as a configuration file of curl.
    func configuration(_ request: ProbeRequest) -> String {
        let address = request.address
        var lines = [
            "silent", "include", "http1.1", "no-buffer", #"noproxy = "*""#, #"proto = "=https""#, "max-redirs = 0",
        ]
        func set(_ name: String, _ value: String) { lines.append("\(name) = \(Self.quoted(value))") }
        set("url", address.origin + request.target)
        set("request", request.method)
        if let target = transport.resolved["\(address.host):\(address.port)"] {
            set("resolve", "\(address.host):\(address.port):\(target.contains(":") ? "[\(target)]" : target)")
        }
        if let authorities = transport.authorities { set("cacert", authorities) }
        let milliseconds = transport.timeout(of: request).count
        set("max-time", "\(milliseconds / 1_000).\(String(milliseconds % 1_000 + 1_000).dropFirst())")
        set("header", "Expect:")
        set("user-agent", "")
        for field in request.fields { set("header", "\(field.name): \(field.value)") }
        if !request.body.isEmpty || request.method == "POST" {
            if !request.fields.contains(where: { $0.name.lowercased() == "content-type" }) {
                set("header", "Content-Type:")
            }
            set("data-raw", request.body)
        }
        set("write-out", Self.mark + "%{time_starttransfer}")
        return lines.joined(separator: "\n") + "\n"
    }

    private static func quoted(_ text: String) -> String {
        let escapes: [Character: String] = ["\\": "\\\\", "\"": "\\\"", "\n": "\\n", "\r": "\\r", "\t": "\\t"]
        return "\"" + text.map { escapes[$0] ?? String($0) }.joined() + "\""
    }

    /// Reads what curl printed: heads, a body and the time of the first byte.
    static func reply(_ output: String, sentAt: Timestamp, bodyLimit: Int) -> ProbeReply? {
        var rest = output[...]
        var seconds = 0.0
        if let place = rest.ranges(of: mark).last {
            seconds = Double(rest[place.upperBound...]) ?? 0
            rest = rest[..<place.lowerBound]
        }
        while true {
            guard let end = rest.firstRange(of: "\r\n\r\n"), let head = head(rest[..<end.lowerBound]) else {
                return nil
            }
            rest = rest[end.upperBound...]
            if head.status < 200 { continue }
            let received = sentAt + Milliseconds(Int64(max(0, min(seconds, 3_600)) * 1_000))
            return ProbeReply(
                status: head.status, fields: head.fields, body: String(rest.prefix(bodyLimit)),
                sentAt: sentAt,
                receivedAt: received, bodyAfter: rest.isEmpty ? nil : received - sentAt)
        }
    }

    private static func head(_ text: Substring) -> (status: Int, fields: [HeaderField])? {
        let lines = text.split(separator: "\r\n")
        guard let first = lines.first, first.hasPrefix("HTTP/") else { return nil }
        let words = first.split(separator: " ")
        guard words.count > 1, let status = Int(words[1]) else { return nil }
        let fields = lines.dropFirst().compactMap { line -> HeaderField? in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].trimmed { $0 == " " || $0 == "\t" }
            return HeaderField(String(line[..<colon]), String(value))
        }
        return (status, fields)
    }

    /// What an exit code of curl means.
    static func failure(_ status: Int32) -> ProbeFailure {
        switch status {
        case 6: .unknownName
        case 7: .refused
        case 28: .timeout
        case 35: .transport("TLS is not agreed on")
        case 60: .transport("the certificate is not trusted (SSL_CERT_FILE or --cacert names who signed it)")
        case 77: .transport("the file of --cacert cannot be read")
        default: .transport("curl ended with \(status)")
        }
    }
}

/// A program of the `PATH`, with what it is given and what it prints.
enum PipedCommand {
    /// Runs a program to its end.
    ///
    /// - Parameters:
    ///   - words: its name and its arguments.
    ///   - input: what it reads; at most what a pipe holds is taken before it has to read.
    ///   - limit: after how many bytes of output nothing more is read: a program that has more finds its output closed.
    /// - Returns: `nil` where it cannot be started.
    static func run(_ words: [String], input: String, limit: Int = .max) -> (output: String, status: Int32)? {
        var (toChild, fromChild): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
        guard pipe(&toChild) == 0 else { return nil }
        guard pipe(&fromChild) == 0 else {
            toChild.forEach { close($0) }
            return nil
        }
        for end in toChild + fromChild { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let pid = spawn(words, reads: toChild[0], writes: fromChild[1])
        close(toChild[0])
        close(fromChild[1])
        if pid != nil { write(input, to: toChild[1]) }
        close(toChild[1])
        guard let pid else {
            close(fromChild[0])
            return nil
        }
        let output = ShellCommand.readAll(fromChild[0], limit: limit)
        close(fromChild[0])
        var status: Int32 = 0
        while waitpid(pid, &status, 0) == -1, errno == EINTR {}
        return (String(decoding: output, as: UTF8.self), status & 0x7F == 0 ? status >> 8 & 0xFF : 128)
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { PlatformLibC.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno != EINTR { return }
            rest = rest.dropFirst(max(0, count))
        }
    }

    private static func spawn(_ words: [String], reads: Int32, writes: Int32) -> pid_t? {
        var actions = Spawning.emptyFileActions
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, reads, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, writes, STDOUT_FILENO)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        var arguments = words.map { strdup($0) } + [nil]
        var environment = ProcessInfo.processInfo.environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in arguments + environment { free(text) } }
        var pid: pid_t = 0
        return posix_spawnp(&pid, words[0], &actions, nil, &arguments, &environment) == 0 ? pid : nil
    }
}
