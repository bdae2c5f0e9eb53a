/// The cores that run on this machine and have proved who they are.
struct RunningCores {
    /// A core with the configuration file it read; empty for none.
    struct Member {
        let instance: Instance
        let configuration: String
    }

    let members: [Member]

    /// Probes each registered core and deletes the files of those that do not run.
    static func find() async -> RunningCores {
        let files = StartedFiles()
        var members: [Member] = []
        for instance in files.all() {
            guard instance.hasProcess else {
                files.remove(instance)
                continue
            }
            switch await CoreProbe.ask(instance) {
            case .core(let configuration): members.append(Member(instance: instance, configuration: configuration))
            case .notACore: files.remove(instance)
            case .noAnswer(let reason): report(instance, reason)
            }
        }
        return RunningCores(members: members)
    }

    private static func report(_ instance: Instance, _ reason: String) {
        Console.complain(
            "PID \(instance.pid) at \(instance.host):\(instance.port) does not say whether it is a core (\(reason)) "
                + "and is left alone. Do ip_allow_regex and ip_deny_regex let this machine in?\n")
    }
}
