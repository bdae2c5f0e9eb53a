import EdgeVerdicts
import Foundations
import SessionEngine
import TesseraSessions

extension KeySetCache {
    /// The keys of a client's cores.
    ///
    /// - Parameters:
    ///   - client: what asks the cores.
    ///   - longest: for how long a set counts as current at most.
    ///   - staleness: for how long it stays in use after that while no core answers.
    convenience init(client: CoreClient, longest: Milliseconds, staleness: Milliseconds) {
        self.init(
            staleness: staleness,
            Surroundings(
                fetch: { await client.keys(longest: longest, at: $0) }, time: client.clock.time, wait: client.wait))
    }
}

extension CoreClient {
    /// Asks the cores in the order in which they are listed; the first good answer counts.
    fileprivate func keys(longest: Milliseconds, at start: Timestamp) async -> Result<KeySet, KeySetUnavailable> {
        var problem = "there is no core to ask"
        var retryAfter: Int64?
        let turns = hosts.listed(at: start)
        for (position, turn) in turns.enumerated() {
            let host = hosts.addresses[turn.index]
            var request = CoreRequest(method: "GET", url: host + "/.well-known/jwks.json", fields: [])
            let isLast = position == turns.count - 1
            request.timeout = turn.isProbe ? Self.probeTimeout : isLast ? KeySetCache.timeout : Self.timeout
            do throws(CoreTransportError) {
                let response = try await transport.send(request, limit: KeySet.sizeLimit)
                hosts.note(
                    response.isBusy ? .busy(seconds: response.retryAfterSeconds) : .answered, of: turn.index,
                    at: clock.time())
                if response.status == 200,
                    let keys = KeySet(
                        parsing: response.body, maxAgeSeconds: response.maxAgeSeconds, longest: longest,
                        fetchedAt: start)
                {
                    return .success(keys)
                }
                problem = "\(host) answered \(response.status) without a key set"
                retryAfter = [retryAfter, response.retryAfterSeconds].compactMap(\.self).min()
            } catch {
                let isRefused = if case .notSent = error { true } else { false }
                hosts.note(isRefused ? .refused : .hung, of: turn.index, at: clock.time())
                problem = "\(error)"
            }
        }
        return .failure(
            KeySetUnavailable(
                "No SuperTokens core available to query for its keys: \(problem)", retryAfterSeconds: retryAfter))
    }
}

extension KeySetUnavailable {
    /// The same for a client.
    var sessionError: SessionError { .coreUnavailable(reason, retryAfterSeconds: retryAfterSeconds) }
}
