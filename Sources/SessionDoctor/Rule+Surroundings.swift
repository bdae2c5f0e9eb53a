import Foundations

extension Rule {
    /// Time and the network.
    static let surroundings: [Rule] = [
        Rule("D20", slow),
        Rule("D21", wrongClock),
    ]

    private static let streamLimit = Milliseconds(2_000)
    private static let replyLimit = Milliseconds(1_000)
    private static let clockLimit = Milliseconds(5_000)

    private static func slow(_ seen: Observations) -> Finding? {
        switch seen.outcomes[.stream] {
        case .reply(let reply)? where reply.isSuccess && (reply.bodyAfter ?? Milliseconds(.max)) > streamLimit:
            return buffered(seen)
        case .failure(.timeout)?: return buffered(seen)
        default: break
        }
        let answers = [seen.outcomes[.refusal]].compactMap(\.self) + seen.repeats
        let lost = answers.filter { $0.reply == nil }.count
        let fix = "Look at the hop that is slow: names, TLS, keep-alive to the backend, a sleeping instance."
        if answers.count > 2, lost > 0, lost * 10 >= answers.count * 3, lost < answers.count {
            return Finding("\(lost) of \(answers.count) refusals did not come.", seen: [seen.seen(.refusal)], fix: fix)
        }
        let times = answers.compactMap { $0.reply?.duration }.sorted()
        guard times.count > 2, times[times.count / 2] > replyLimit else { return nil }
        return Finding(
            .advice, "A refusal, which needs no work, takes \(times[times.count / 2].count) ms.",
            seen: [seen.seen(.refusal)], fix: fix)
    }

    private static func buffered(_ seen: Observations) -> Finding {
        Finding(
            "The stream's first event does not come within 2 s: something buffers it.",
            seen: [seen.seen(.stream, "Content-Type", "X-Accel-Buffering")],
            fix:
                "Turn buffering off for it: nginx 'proxy_buffering off' or 'X-Accel-Buffering: no' of the backend, no compression of "
                + "text/event-stream, and a heartbeat at once.")
    }

    /// How far the clocks of a host's answers are from this machine's: the median, and what the way may account for.
    private static func offset(_ replies: [ProbeReply]) -> (offset: Milliseconds, slack: Milliseconds)? {
        let found = replies.compactMap { reply -> (Milliseconds, Milliseconds)? in
            guard let date = reply.value("date").flatMap(HTTPDate.parse), reply.value("age") ?? "0" == "0" else {
                return nil
            }
            let middle = reply.sentAt + Milliseconds((reply.receivedAt - reply.sentAt).count / 2)
            // A Date has whole seconds, rounded down.
            return (date + Milliseconds(500) - middle, Milliseconds(reply.duration.count / 2))
        }.sorted { $0.0 < $1.0 }
        return found.isEmpty ? nil : (found[found.count / 2].0, found[found.count / 2].1)
    }

    private static func wrongClock(_ seen: Observations) -> Finding? {
        let ofAPI = Probe.allCases.filter { ![.page, .core, .directRefusal, .directLogin].contains($0) }
        guard let api = offset(ofAPI.compactMap { seen.reply($0) }) else { return nil }
        guard isFar(api) else { return nil }
        let seconds = api.offset.count / 1_000
        let site = seen.site.host == seen.api.host ? nil : seen.reply(.page).flatMap { offset([$0]) }
        let isOurs =
            site.map { abs($0.offset.count.subtractingReportingOverflow(api.offset.count).partialValue) <= 2_000 }
            ?? false
        return Finding(
            "The clock of \(seen.api.host) is \(abs(seconds)) s \(seconds < 0 ? "behind" : "ahead of") this machine's"
                + (isOurs ? ", and so is the site's: this machine's own clock may be the wrong one." : "."),
            seen: ["Date of \(seen.api.host): \(seconds) s from here (median)", seen.seen(.refusal, "Date")],
            fix:
                "Set the clocks by NTP (timedatectl, chrony) on the backend, on the core and here: tokens expire by the clock, and one from "
                + "the future is refused.")
    }

    private static func isFar(_ clock: (offset: Milliseconds, slack: Milliseconds)) -> Bool {
        let limit = clockLimit.count.saturatingAdd(clock.slack.count)
        return clock.offset.count > limit || clock.offset.count < -limit
    }
}
