/// The cores that run on this machine and have proved who they are.
struct Fleet {
    /// A core with the configuration file it read; empty for none.
    struct Member {
        let instance: Instance
        let configuration: String
    }

    let members: [Member]

    /// Asks every core of which there is word, and removes the words of those that are gone.
    static func find() async -> Fleet {
        let files = StartedFiles()
        var members: [Member] = []
        for instance in files.all() {
            guard instance.hasProcess else {
                files.remove(instance)
                continue
            }
            switch await Identity.ask(instance) {
            case .core(let configuration): members.append(Member(instance: instance, configuration: configuration))
            case .somebodyElse: files.remove(instance)
            case .unknown(let reason): report(instance, reason)
            }
        }
        return Fleet(members: members)
    }

    private static func report(_ instance: Instance, _ reason: String) {
        Console.complain(
            "PID \(instance.pid) at \(instance.host):\(instance.port) does not say whether it is a core (\(reason)) "
                + "and is left alone. Do ip_allow_regex and ip_deny_regex let this machine in?\n")
    }
}
