import ArgumentParser
import Foundations
import PublicSuffixList
import SessionDoctor

extension Doctor.Examine {
    /// Asks the session routes, and judges the answers.
    func examine(_ url: String) async throws -> DoctorReport {
        let api = try address(url, "the URL")
        let origin = try address(site ?? "", "--site").at("")
        let suffixes: PublicSuffixes
        do throws(PublicSuffixListError) { suffixes = try .embedded() } catch { throw Failure(error.description) }
        var seen = Observations(api: api, site: origin, suffixes: suffixes)
        seen.statedMode = mode.flatMap(TokenMode.init(rawValue:))
        seen.expiredStatus = expiredStatus
        seen.oldDomain = oldDomain
        if let frontendApi {
            seen.frontEnd = FrontEndConfiguration(apiDomain: frontendApi, apiBasePath: nil, source: "--frontend-api")
        }
        var examination = SessionExamination(seen, try wishes(api), transport)
        await examination.run()
        let diagnoses = Rule.diagnose(examination.seen, accepting: Set(accept.map { $0.uppercased() }))
        return DoctorReport(
            subject: "Sessions of \(api.text) for \(origin.origin)", diagnoses: diagnoses,
            notExamined: notExamined(examination.seen))
    }

    private var transport: ProbeTransport {
        var transport = ProbeTransport()
        let pairs = resolve.compactMap(ProbeTransport.resolution).map { ($0.key, $0.address) }
        transport.resolved = Dictionary(pairs) { _, last in last }
        transport.authorities = cacert.map(Paths.absolute)
        transport.timeout = .seconds(Int64(timeout))
        return transport
    }

    private func wishes(_ api: WebAddress) throws -> SessionExamination.Wishes {
        var wishes = SessionExamination.Wishes()
        wishes.login = try login.map { try request($0, "--login", api) }
        wishes.protected = try protected.map { try request($0, "--protected", api) }
        wishes.stream = try stream.map { try request($0, "--stream", api) }
        wishes.stream?.isStream = true
        wishes.stream?.fields.append(HeaderField("Accept", "text/event-stream"))
        wishes.direct = try direct.map { try address($0, "--direct") }
        wishes.core = try core.map { try address($0, "--core") }
        wishes.isPlainFetch = plainFetch
        return wishes
    }

    private func address(_ text: String, _ name: String) throws -> WebAddress {
        guard let address = WebAddress(text) else {
            throw Failure(
                "\(name) has to begin with http:// or https:// and a host, without user information and blanks")
        }
        return address
    }

    /// Reads `METHOD /path BODY`, or `@FILE` with that.
    private func request(_ text: String, _ name: String, _ api: WebAddress) throws -> ProbeRequest {
        var text = text
        if text.hasPrefix("@") {
            let path = String(text.dropFirst())
            guard let contents = ConfigurationFiles.contents(path) else {
                throw Failure("\(name): cannot read \(path)")
            }
            text = contents
        }
        let words = text.split(maxSplits: 2, whereSeparator: \.isWhitespace).map(String.init)
        let sides = words.count > 1 ? words[1].split(separator: "?", maxSplits: 1).map(String.init) : []
        let isToken = words.first?.utf8.allSatisfy { (0x41...0x5A).contains($0) } ?? false
        guard isToken, let path = sides.first, path.hasPrefix("/"), let address = WebAddress(api.origin + path) else {
            throw Failure("\(name) is METHOD /path BODY, such as 'POST /login {\"user\":\"a\"}', or @FILE with that")
        }
        var request = ProbeRequest(words[0], address)
        request.query = sides.count > 1 ? sides[1] : ""
        if words.count > 2 {
            request.body = String(words[2].trimmed(\.isWhitespace))
            let isJSON = request.body.hasPrefix("{") || request.body.hasPrefix("[")
            request.fields = [
                HeaderField("Content-Type", isJSON ? "application/json" : "application/x-www-form-urlencoded")
            ]
        }
        return request
    }

    /// What nothing was asked about.
    private func notExamined(_ seen: Observations) -> [String] {
        var notes: [String] = []
        guard seen.reply(.refusal) != nil else { return notes }
        if login == nil {
            notes.append("what a log-in sets and a refresh does, D08, D15, D18, D19, D22, D23: give --login.")
            if seen.cookieGroups.isEmpty, seen.mode == .cookie {
                notes.append("cookies, D09 to D15: this backend shows none without a log-in.")
            }
        } else if !seen.hasSession {
            notes.append(
                "the session: the log-in made none (\(seen.reply(.login).map { "\($0.status)" } ?? "no answer")).")
        }
        if protected == nil { notes.append("a protected call, D17, D18, D24: give --protected.") }
        if seen.reply(.bare)?.status == 404 { notes.append("the protected call: there is none at that path (404).") }
        if stream == nil { notes.append("streams, D20: give --stream, if there is one.") }
        if seen.frontEnd == nil {
            notes.append("what the front end calls, D02: its page does not show it; give --frontend-api.")
        }
        return notes
    }
}
