# SPDX-License-Identifier: Apache-2.0
# Drives Debian's Sidekiq (ruby-sidekiq); the verbs and the line that it prints are those of drive.mjs:
#   ruby sidekiq.rb push n=20000 bulk=50        ruby sidekiq.rb drain n=20000 concurrency=10
# This Sidekiq takes a job off its list when it begins and knows nothing of it from then on: there is no end to be noted,
# and what is measured is less work than that of the others.
require 'json'
require 'sidekiq'
require 'sidekiq/api'
require 'sidekiq/launcher'

verb, *rest = ARGV
how = { 'n' => 20_000, 'bulk' => 50, 'calls' => 1, 'concurrency' => 10 }
rest.each { |one| name, value = one.split('='); how.fetch(name); how[name] = Integer(value) }
$seen, $ended, $first, $last = Array.new(how['n'], 0), 0, nil, nil
$guard, $all = Mutex.new, Queue.new

def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

class None
  include Sidekiq::Worker
  sidekiq_options queue: 'bench', retry: false
  def perform(what)
    $guard.synchronize do
      $first ||= now
      $seen[what['n']] += 1
      $ended += 1
      $last = now
      $all << true if $ended == $seen.size
    end
  end
end

def payload(number)
  bare = { 'n' => number, 'at' => 0, 'text' => '' }
  bare.merge('text' => 'x' * (100 - JSON.generate(bare).bytesize))
end

def push(from, to, bulk)
  (from...to).step(bulk) do |first|
    numbers = first...[to, first + bulk].min
    if bulk == 1 then None.perform_async(payload(first))
    else Sidekiq::Client.push_bulk('class' => None, 'args' => numbers.map { |n| [payload(n)] })
    end
  end
end

def tell(jobs, seconds)
  cpu = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)
  puts JSON.generate(jobs: jobs, seconds: seconds, per_second: jobs / seconds, cpu_seconds: cpu)
end

def expect_left(count)
  left = Sidekiq::Queue.new('bench').size
  abort "sidekiq: #{left} jobs are in the queue instead of #{count}" if left != count
end

Sidekiq.logger.level = Logger::WARN
Sidekiq.redis = { url: ENV.fetch('REDIS_URL'), size: [how['concurrency'], how['calls']].max + 5 }
case verb
when 'push'
  warm = [how['n'] / 10, 1].max
  push(0, warm, how['bulk'])
  start = now
  threads = Array.new(how['calls']) do |i|
    Thread.new { push(warm + how['n'] * i / how['calls'], warm + how['n'] * (i + 1) / how['calls'], how['bulk']) }
  end
  threads.each(&:join)
  took = now - start
  expect_left(warm + how['n'])
  tell(how['n'], took)
when 'drain'
  push(0, how['n'], 500)
  expect_left(how['n'])
  launcher = Sidekiq::Launcher.new(Sidekiq.options.merge(queues: ['bench'], concurrency: how['concurrency'], timeout: 10))
  launcher.run
  $all.pop
  launcher.stop
  abort "sidekiq: #{$seen.count(0)} jobs never ran, #{$seen.count { |n| n > 1 }} ran again" if $seen.any? { |n| n != 1 }
  expect_left(0)
  tell(how['n'], $last - $first)
else
  abort 'sidekiq: there is no such verb'
end
