import Foundations
import TesseraSessions

extension CoreClient {
    /// How long to wait before asking a core again that has too much to do, in ms.
    static let retryDelays: [Int64] = [10, 260, 510, 760, 1_010]
    /// For how long a host is waited for while another one can be asked.
    static let timeout = Milliseconds(2_000)
    /// For how long a host is waited for that hung a moment ago, while others answer.
    static let probeTimeout = Milliseconds(500)
    /// How many hosts may hang before the next one is waited for as long as the transport waits.
    static let hangLimit = 2
    /// How long to wait before all hosts are asked once more, in ms.
    static let roundDelay: Int64 = 250
    /// The longest time that a core may ask for and be waited for here, in seconds; the client waits for more.
    static let longestRetryAfter: Int64 = 1

    /// How one look at the hosts ended.
    private enum Ending {
        case answered(CoreResponse)
        case failed(SessionError)
        case unanswered(Round)
    }

    /// One look at the hosts without an answer.
    private struct Round {
        var problem = ""
        /// The last answer of a host that cannot answer now.
        var busy: CoreResponse?
        /// The least number of seconds that a host asked for.
        var retryAfter: Int64?
        var hangs = 0

        /// How long to wait before another round, in ms; `nil` where that is for the client to do.
        var delay: Int64? {
            guard hangs == 0, busy?.status != 429 else { return nil }
            guard let retryAfter else { return CoreClient.roundDelay }
            return retryAfter <= CoreClient.longestRetryAfter ? max(retryAfter * 1_000, CoreClient.roundDelay) : nil
        }
    }

    /// Sends a call to the hosts in turn until one of them answers.
    ///
    /// A call that is not repeatable goes to another host only while nothing was sent, or while it was refused unread. There
    /// are two rounds at most, and a call is never under way to two hosts at once.
    ///
    /// - Throws: ``SessionError/coreUnavailable(_:)``.
    func send(_ call: Call, _ fields: [(name: String, value: String)]) async throws(SessionError) -> CoreResponse {
        guard !hosts.addresses.isEmpty else {
            throw .coreUnavailable(
                "No SuperTokens core available to query. Please pass supertokens > connectionURI to the init function, or "
                    + "override all the functions of the recipe you are using.")
        }
        var last = Round()
        for isSecond in [false, true] {
            switch await ask(call, fields) {
            case .answered(let response): return response
            case .failed(let error): throw error
            case .unanswered(let round): last = round
            }
            guard !isSecond, let delay = last.delay else { break }
            do { try await wait(delay) } catch { throw .coreUnavailable("the call was cancelled") }
        }
        guard var busy = last.busy else {
            throw .coreUnavailable("No SuperTokens core available to query: \(last.problem)")
        }
        busy.retryAfterSeconds = last.retryAfter
        return busy
    }

    /// Asks each host once.
    private func ask(_ call: Call, _ fields: [(name: String, value: String)]) async -> Ending {
        let turns = hosts.turns(at: clock.time(), isRepeatable: call.isRepeatable)
        var round = Round()
        for (position, turn) in turns.enumerated() {
            guard !Task.isCancelled else { return .failed(.coreUnavailable("the call was cancelled")) }
            let isLast = position == turns.count - 1 || round.hangs >= Self.hangLimit
            let isFinal = isLast || !call.isRepeatable
            var request = request(call, fields, hosts.addresses[turn.index])
            let usual = turn.isProbe ? Self.probeTimeout : isFinal ? nil : Self.timeout
            request.timeout = [usual, call.timeout].compactMap(\.self).min()
            do throws(CoreTransportError) {
                let response = try await sendAndRetry(request, to: turn.index, mayWait: isFinal)
                guard response.isBusy, call.isRepeatable || response.status == 429 else { return .answered(response) }
                round.busy = response
                round.retryAfter = [round.retryAfter, response.retryAfterSeconds].compactMap(\.self).min()
            } catch {
                if let failure = note(error, of: turn.index, call, &round) { return .failed(failure) }
            }
            if isLast { break }
        }
        return .unanswered(round)
    }

    /// Notes why there was no answer; an error where the call must not be sent again.
    private func note(
        _ error: CoreTransportError, of index: Int, _ call: Call, _ round: inout Round
    ) -> SessionError? {
        switch error {
        case .notSent(let text):
            hosts.note(.refused, of: index, at: clock.time())
            round.problem = text
        case .unknownOutcome(let text):
            hosts.note(.hung, of: index, at: clock.time())
            guard call.isRepeatable else {
                return .coreUnavailable("\(call.method) \(call.path): the outcome is unknown: \(text)")
            }
            round.hangs += 1
            round.problem = text
        }
        return nil
    }

    private func request(_ call: Call, _ fields: [(name: String, value: String)], _ host: String) -> CoreRequest {
        var url = host + call.path
        if !call.query.isEmpty {
            url += "?" + call.query.map { "\($0)=\(PercentEncoding.query.encode($1))" }.joined(separator: "&")
        }
        var fields = fields
        if let apiKey { fields.append(("api-key", apiKey)) }
        fields += TraceFields.current
        if call.body != nil { fields.append(("content-type", "application/json; charset=utf-8")) }
        return CoreRequest(method: call.method, url: url, fields: fields, body: call.body?.text)
    }

    /// Asks a host, and again a little later each time while it says that it has too much to do
    /// (docs/specification/cases.md J5 to J7), unless it asks for more time than that or another host can be asked.
    private func sendAndRetry(
        _ request: CoreRequest, to index: Int, mayWait: Bool
    ) async throws(CoreTransportError) -> CoreResponse {
        var response = try await transport.send(request, limit: Self.bodyLimit)
        for delay in Self.retryDelays where mayWait && response.status == 429 {
            let asked = response.retryAfterSeconds ?? 0
            guard asked <= Self.longestRetryAfter else { break }
            do { try await wait(max(delay, asked * 1_000)) } catch { throw .notSent("the call was cancelled") }
            response = try await transport.send(request, limit: Self.bodyLimit)
        }
        let outcome = response.isBusy ? CoreHosts.Outcome.busy(seconds: response.retryAfterSeconds) : .answered
        hosts.note(outcome, of: index, at: clock.time())
        return response
    }
}
